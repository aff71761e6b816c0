//! `florin open-items`, `florin attempts` and `florin reconcile`: what needs a person.
//!
//! What changes something is done by an engine of this process's own, which looks after nothing else meanwhile.

use std::future::Future;
use std::process::ExitCode;

use florin_domain::{OpenItem, OpenItemStatus, OpenItemType};
use florin_engine::requests::ResolveAttempt;
use florin_engine::views::{Answer, OpenItemResponse, to_json};
use florin_engine::{Engine, Reconciled};
use florin_storage::access::find_tenant;
use florin_storage::read::{OpenItemQuery, Position, Slice, find_open_item, list_open_items};
use florin_storage::{AnyConnection, Realm};

use super::open;
use crate::claim::{Claim, ClaimRefused};
use crate::cli::{Attempts, OpenItems, ReconcileArguments, ResolveArguments, Whose};
use crate::failure::Failure;
use crate::output::print_lines;
use crate::server;
use crate::settings::Settings;

/// What `florin reconcile` ends with when something differs.
const DIFFERS: u8 = 1;

/// How many items are read at once.
const PAGE: u32 = 500;

pub(super) fn open_items(settings: &Settings, command: OpenItems) -> Result<(), Failure> {
    let mut connection = open(&settings.database_url)?;
    match command {
        OpenItems::List { whose, all, kind } => {
            let status = (!all).then_some(OpenItemStatus::Open);
            print_items(&mut connection, whose, (status, kind), describe)
        }
        OpenItems::Show { id, whose } => {
            let realm = realm_of(&mut connection, whose)?;
            let item = find_open_item(&mut connection, realm, id)?.ok_or(Failure::NoOpenItem(id))?;
            Ok(print_lines([to_json(&OpenItemResponse::new(&item), 512)])?)
        }
        OpenItems::Close { id, whose, note } => {
            let realm = realm_of(&mut connection, whose)?;
            drop(connection);
            let closed = with_engine(settings, async |engine| engine.operator(realm).close(id, note).await)?;
            print_answer(&closed)
        }
    }
}

pub(super) fn attempts(settings: &Settings, command: Attempts) -> Result<(), Failure> {
    match command {
        Attempts::List { whose, .. } => {
            let mut connection = open(&settings.database_url)?;
            let wanted = (Some(OpenItemStatus::Open), Some(OpenItemType::NeedsReview));
            print_items(&mut connection, whose, wanted, describe_attempt)
        }
        Attempts::Resolve(arguments) => resolve(settings, arguments),
    }
}

fn resolve(settings: &Settings, arguments: ResolveArguments) -> Result<(), Failure> {
    let ResolveArguments { id, whose, outcome, reference, note } = arguments;
    let realm = realm_of(&mut open(&settings.database_url)?, whose)?;
    let decision = ResolveAttempt { outcome, reference, note };
    let resolved = with_engine(settings, async |engine| engine.operator(realm).resolve(id, decision).await)?;
    print_answer(&resolved)
}

pub(super) fn reconcile(settings: &Settings, arguments: &ReconcileArguments) -> Result<ExitCode, Failure> {
    if arguments.from >= arguments.to {
        return Err(Failure::EmptyWindow);
    }
    drop(open(&settings.database_url)?);
    let account = arguments.account.to_string();
    let (from, until) = (arguments.from, arguments.to);
    let compared = with_engine(settings, async |engine| engine.reconcile(&account, from, until).await)?;
    let Reconciled { listed, booked, differences, raised } = compared?;
    eprintln!(
        "{listed} movements there, {booked} here: {differences} differ, {raised} open items were raised"
    );
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

/// Does something with an engine that is at nothing else, and waits until all that follows from it is done.
fn with_engine<T, F: Future<Output = T>>(
    settings: &Settings,
    work: impl FnOnce(Engine) -> F,
) -> Result<T, Failure> {
    let _claim = Claim::lay(&settings.database_url).map_err(|refused| match refused {
        ClaimRefused::Taken { path } => Failure::Served(path),
        other => Failure::Claim(other),
    })?;
    let engine = server::idle_engine(settings)?;
    actix_web::rt::System::new().block_on(async {
        let done = work(engine.clone()).await;
        engine.drain().await;
        Ok(done)
    })
}

fn print_answer(answer: &Answer) -> Result<(), Failure> {
    if answer.status == 200 {
        return Ok(print_lines([&answer.body])?);
    }
    Err(Failure::Refused(answer.error_message().unwrap_or_else(|| answer.body.to_string())))
}

fn realm_of(connection: &mut AnyConnection, whose: Whose) -> Result<Realm, Failure> {
    find_tenant(connection, whose.tenant)?.ok_or(Failure::NoTenant(whose.tenant))?;
    Ok(Realm { tenant_id: whose.tenant, mode: whose.mode.into() })
}

fn print_items(
    connection: &mut AnyConnection,
    whose: Whose,
    (status, kind): (Option<OpenItemStatus>, Option<OpenItemType>),
    describe: impl Fn(&OpenItem) -> String,
) -> Result<(), Failure> {
    let realm = realm_of(connection, whose)?;
    let query = OpenItemQuery {
        realm,
        status,
        kind,
        payment_id: None,
        processor: None,
        created_after: None,
        created_before: None,
    };
    let mut position = Position::Offset(0);
    loop {
        let listed = list_open_items(connection, &query, Slice::new(PAGE, position))?;
        print_lines(listed.items.iter().map(&describe))?;
        match listed.items.last() {
            Some(last) if listed.has_more => position = Position::After(last.id.bytes()),
            _ => return Ok(()),
        }
    }
}

fn describe(item: &OpenItem) -> String {
    let (id, kind, status) = (item.id, item.kind, item.status());
    let (payment, attempt) = (or_dash(item.payment_id), or_dash(item.attempt_id));
    format!("{id}\t{kind}\t{status}\t{payment}\t{attempt}\t{}", item.message)
}

fn describe_attempt(item: &OpenItem) -> String {
    let (attempt, payment) = (or_dash(item.attempt_id), or_dash(item.payment_id));
    let processor = item.processor.as_deref().unwrap_or("-");
    let reference = item.processor_reference.as_deref().unwrap_or("-");
    let (amount, currency) = (or_dash(item.here.amount_minor), item.here.currency);
    let currency = currency.map_or("-", |currency| currency.code());
    format!("{attempt}\t{payment}\t{processor}\t{reference}\t{amount}\t{currency}")
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
