//! The journal: transactions and balances.

use actix_web::{HttpResponse, web};
use florin_domain::{Notes, PaymentId, ReferenceId, TransactionId, TransactionType};
use florin_engine::access::Scope;
use florin_engine::requests::{AmendTransaction, Page, Position, TransactionFilter};
use florin_engine::views::{Answer, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::form::Form;
use crate::pager::Pager;
use crate::show;
use crate::trouble::{Told, Trouble};
use crate::views::{Amendment, Balances, Listed, Transaction};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["type", "account", "payment_id"];
const SECTION: &str = "/transactions";

/// `GET /transactions`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::TransactionsRead)?;
    let query = &visit.query;
    let filter = TransactionFilter {
        payment_id: query.id::<PaymentId>("payment_id", Refused::payment_not_found)?,
        kind: query.word("type")?,
        account: query.word("account")?,
        ..TransactionFilter::default()
    };
    let page = query.page::<TransactionId>(TransactionId::uuid)?;
    let listed: Listed<Transaction> =
        seen(&visit.desk.engine.list_transactions(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |transaction| &transaction.id);
    let rows = rows_of(listed.data, |entry| {
        vec![
            Cell::link(show::label(&entry.kind), visit.path(&format!("{SECTION}/{}", entry.id))),
            Cell::text(entry.credit_account),
            Cell::text(entry.debit_account),
            Cell::Money(entry.amount, entry.currency),
            Cell::Time(entry.created_at),
        ]
    });
    let mut table = Table::new(&["What", "From", "To", "Amount", "When"], rows);
    table.empty = ("No transactions", "One is written for each movement of money.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::choice("type", "Type", "Any", TransactionType::WORDS).value(query.shown("type")),
            Field::line("account", "Account").value(query.shown("account")),
            Field::line("payment_id", "Payment").value(query.shown("payment_id")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    Ok(Sheet::new(visit.chrome("Transactions", SECTION).await?, vec![Block::Table(table)]).answer())
}

/// `GET /transactions/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::TransactionsRead)?;
    show_page(&visit, transaction_id(&path.1)?, None, None).await
}

fn transaction_id(text: &str) -> Result<TransactionId, Refused> {
    text.parse().map_err(|_malformed| Refused::transaction_not_found())
}

async fn show_page(
    visit: &Visit,
    id: TransactionId,
    told: Option<Told>,
    form: Option<&Form>,
) -> Result<HttpResponse, Trouble> {
    let engine = &visit.desk.engine;
    let entry: Transaction = seen(&engine.find_transaction(visit.context(), id).await)?;
    let page = Page::new(50, Position::Offset(0));
    let amendments: Listed<Amendment> = seen(&engine.list_amendments(visit.context(), id, page).await)?;
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts(visit, &entry) })];
    let rows = rows_of(amendments.data, |amendment| {
        vec![
            Cell::text(amendment.number.to_string()),
            Cell::Mono(amendment.before.get().to_owned()),
            Cell::Mono(amendment.after.get().to_owned()),
            Cell::text(amendment.created_by),
            Cell::Time(amendment.created_at),
        ]
    });
    if !rows.is_empty() {
        let mut table = Table::new(&["Number", "Before", "After", "By", "When"], rows);
        table.title = Some("Amendments");
        blocks.push(Block::Table(table));
    }
    if visit.may(Scope::TransactionsWrite) {
        let kept = |name: &str, value: &Option<String>| {
            form.map_or_else(|| value.clone().unwrap_or_default(), |form| form.shown(name))
        };
        let fields = vec![
            Field::line("reference_id", "Your reference").value(kept("reference_id", &entry.reference_id)),
            Field::area("notes", "Notes").value(kept("notes", &entry.notes)),
        ];
        let path = visit.path(&format!("{SECTION}/{id}"));
        let note = "What moved can't be changed. Each change of these is kept, with who made it.";
        blocks.push(Block::Entry(Entry::new("Annotate", path, fields, "Save").note(note)));
    }
    let title = format!("{} {}", show::label(&entry.kind), show::amount(&entry.amount, &entry.currency));
    let chrome = visit.chrome(format!("{title} {}", entry.currency), SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, blocks);
    Ok(sheet.below("Transactions", visit.path(SECTION)).answer())
}

fn facts(visit: &Visit, entry: &Transaction) -> Vec<(String, Cell)> {
    let linked = |section: &str, id: &Option<String>| {
        let id = id.clone();
        id.map_or(Cell::Nothing, |id| Cell::id(id.clone(), visit.path(&format!("{section}/{id}"))))
    };
    let mut facts = vec![
        ("Amount".to_owned(), Cell::Money(entry.amount, entry.currency.clone())),
        ("From account".to_owned(), Cell::text(entry.credit_account.clone())),
        ("To account".to_owned(), Cell::text(entry.debit_account.clone())),
        ("Payment".to_owned(), linked("/payments", &entry.payment_id)),
        ("Refund".to_owned(), entry.refund_id.clone().map_or(Cell::Nothing, Cell::Mono)),
        ("Customer".to_owned(), linked("/customers", &entry.customer_id)),
        ("Reference".to_owned(), Cell::maybe(entry.reference_id.clone())),
        ("Notes".to_owned(), Cell::maybe(entry.notes.clone())),
        ("Created by".to_owned(), Cell::Mono(entry.created_by.clone())),
        ("Created".to_owned(), Cell::Time(entry.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(entry.id.clone())),
    ];
    facts.extend(
        entry.metadata.iter().map(|(key, value)| (format!("Metadata: {key}"), Cell::text(value.clone()))),
    );
    facts
}

/// `POST /transactions/{id}`
pub(crate) async fn amend(
    posted: Posted,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::TransactionsWrite)?;
    let id = transaction_id(&path.1)?;
    let outcome = do_amend(&visit, id, &form).await;
    match outcome.map_err(Told::from).and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), "saved")),
        Err(told) => show_page(&visit, id, Some(told), Some(&form)).await,
    }
}

async fn do_amend(visit: &Visit, id: TransactionId, form: &Form) -> Result<Answer, Refused> {
    let request = AmendTransaction {
        reference_id: Some(form.text("reference_id", ReferenceId::parse)?),
        notes: Some(form.text("notes", Notes::parse)?),
        ..AmendTransaction::default()
    };
    Ok(visit.desk.engine.amend_transaction(visit.context(), id, request).await)
}

/// `GET /balances`
pub(crate) async fn balances(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::TransactionsRead)?;
    let balances: Balances = seen(&visit.desk.engine.balances(visit.context()).await)?;
    let rows = rows_of(balances.data, |balance| {
        vec![Cell::text(balance.account), Cell::Money(balance.balance, balance.currency)]
    });
    let mut table = Table::new(&["Account", "Balance"], rows);
    table.empty = ("No balances", "They begin with the first movement of money.");
    let note = "What was debited less what was credited. All balances of a currency sum to zero: what you have earned \
                stands below it.";
    let note = Block::Note { tone: "", text: note.to_owned() };
    Ok(Sheet::new(visit.chrome("Balances", "/balances").await?, vec![Block::Table(table), note]).answer())
}
