//! The operations on the journal's transactions and balances, and what they take.

use florin_domain::{Account, Notes, PaymentId, ReferenceId, TransactionId, TransactionType};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text};
use utoipa::openapi::ComponentsBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};

use super::bodies::{VISIBLE, metadata_changes, object};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{limit_and_offset, named, page, query};

const TAG: &str = "Journal";

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let one = PathItem::new(HttpMethod::Get, find());
    builder
        .path("/v1/transactions", PathItem::new(HttpMethod::Get, list()))
        .path("/v1/transactions/{id}", and(one, HttpMethod::Patch, amend()))
        .path("/v1/transactions/{id}/amendments", PathItem::new(HttpMethod::Get, amendments()))
        .path("/v1/balances", PathItem::new(HttpMethod::Get, balances()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    let reference =
        string().min_length(Some(1)).max_length(Some(ReferenceId::MAX_CHARS)).pattern(Some(VISIBLE));
    let fields = object([
        (
            "metadata",
            "New values by key; null removes a key, and what is not named stays.",
            metadata_changes(),
        ),
        ("reference_id", "Your own reference; null takes it away.", nullable(reference)),
        ("notes", "Your notes; null takes them away.", nullable(text(Notes::MAX_CHARS))),
    ]);
    builder.schema("AmendTransaction", fields)
}

fn list() -> Operation {
    Call::get("listTransactions", "List transactions")
        .about(
            "One for each movement of money, from the account that is credited to the one that is debited.",
        )
        .tag(TAG)
        .takes(filters())
        .takes(page::<TransactionId>())
        .answers(200, "A page of transactions, newest first.", "TransactionList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_transaction(Call::get("findTransaction", "Retrieve a transaction"))
        .answers(200, "The transaction.", "Transaction")
        .build()
}

fn amend() -> Operation {
    of_transaction(Call::with_body("amendTransaction", "Amend a transaction", "AmendTransaction"))
        .about("Metadata, reference and notes change, money never does. What was there before is kept.")
        .answers(200, "The transaction.", "Transaction")
        .refuses(&[ErrorCode::FieldImmutable])
        .build()
}

fn amendments() -> Operation {
    of_transaction(Call::get("listAmendments", "List a transaction's amendments"))
        .takes(limit_and_offset())
        .answers(
            200,
            "A page of amendments, newest first. They have no ids, so there is no cursor.",
            "AmendmentList",
        )
        .build()
}

fn balances() -> Operation {
    Call::get("listBalances", "List the balances of all accounts")
        .about("What was debited less what was credited, by account and currency; they sum to zero per currency.")
        .tag(TAG)
        .answers(200, "The balances.", "Balances")
        .build()
}

fn of_transaction(call: Call) -> Call {
    call.tag(TAG).of::<TransactionId>("The transaction.", ErrorCode::TransactionNotFound)
}

fn filters() -> Vec<Parameter> {
    vec![
        query("payment_id", "Of this payment.", named::<PaymentId>()),
        query("type", "What moved.", named::<TransactionType>()),
        query("account", "On either side of this account.", named::<Account>()),
    ]
}
