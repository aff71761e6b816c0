//! Exports to callers: whole, or evidently not; of one instant, one tenant and one mode.

mod common;

use common::{Harness, Kind, context, create, eventually, record, test_on_each_database};
use florin_domain::{Description, Mode, TenantId};
use florin_engine::access::Context;
use florin_engine::export::{
    ExportFailed, ExportFormat, ExportKind, ExportRequest, ExportSink, ExportStream, export,
};
use florin_engine::views::ErrorCode;
use florin_storage::Realm;
use serde_json::Value;

test_on_each_database! {
    an_export_is_of_the_instant_at_which_it_began,
    a_row_that_can_not_be_read_interrupts_the_export,
    who_takes_nothing_stops_only_themselves,
    a_full_disk_ends_an_export,
    a_csv_has_the_keys_of_the_view_as_columns,
}

const PAYMENTS: ExportRequest = ExportRequest {
    kind: ExportKind::Payments,
    format: ExportFormat::Jsonl,
    created_after: None,
    created_before: None,
};

/// Records so many payments, which are not charged, each with a long description: a hundred are several parts.
async fn record_many(harness: &Harness, context: &Context, count: usize) {
    let recorded = (0..count).map(|number| {
        let (engine, context) = (harness.engine.clone(), context.clone());
        let description = Some(Description::parse(format!("{number}: {}", "ü".repeat(400))).expect("a text"));
        let request = florin_engine::requests::CreatePayment { description, ..record("pm_test_success") };
        tokio::spawn(
            async move { assert_eq!(engine.create_payment(context, request, None).await.status, 201) },
        )
    });
    for task in recorded.collect::<Vec<_>>() {
        task.await.expect("a payment");
    }
}

/// Reads to the end, whole rows at a time; none when the export is interrupted.
async fn rest(mut stream: ExportStream) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(rows)) => {
                assert!(rows.ends_with(b"\n"), "a row is cut");
                let lines = String::from_utf8(rows).expect("UTF-8");
                all.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
            }
            Ok(None) => return Some(all),
            Err(_) => return None,
        }
    }
}

async fn an_export_is_of_the_instant_at_which_it_began(kind: Kind) {
    let harness = Harness::start(kind);
    let own = harness.context();
    let (live, foreign) =
        (context(harness.tenant, Mode::Live), context(TenantId::from_uuid(uuid::Uuid::now_v7()), Mode::Test));
    record_many(&harness, &own, 1200).await;
    record_many(&harness, &foreign, 3).await;
    let stream = harness.engine.export(own.clone(), PAYMENTS).await.expect("an export");
    record_many(&harness, &own, 40).await;
    let exported = rest(stream).await.expect("the whole");
    assert_eq!(exported.len(), 1200);
    assert!(exported.is_sorted_by_key(|payment| payment["id"].as_str().map(str::to_owned)));
    assert!(exported.iter().all(|payment| payment["tenant_id"] == harness.tenant.to_string()));
    for (context, count) in [(own, 1240), (foreign, 3), (live, 0)] {
        let stream = harness.engine.export(context, PAYMENTS).await.expect("an export");
        assert_eq!(rest(stream).await.expect("the whole").len(), count);
    }
    harness.engine.drain().await;
}

async fn a_row_that_can_not_be_read_interrupts_the_export(kind: Kind) {
    let harness = Harness::start(kind);
    record_many(&harness, &harness.context(), 600).await;
    let spoil = |order: &str| {
        format!(
            "UPDATE payments SET metadata = 'oops' WHERE id = (SELECT id FROM payments ORDER BY id {order} LIMIT 1)"
        )
    };
    harness.database.execute(&spoil("DESC"));
    let stream = harness.engine.export(harness.context(), PAYMENTS).await.expect("the first page is sound");
    assert!(rest(stream).await.is_none(), "the second is not");
    harness.database.execute(&spoil("ASC"));
    let refused =
        harness.engine.export(harness.context(), PAYMENTS).await.err().expect("nothing to begin with");
    assert_eq!(refused.code, ErrorCode::InternalError);
    harness.engine.drain().await;
}

async fn who_takes_nothing_stops_only_themselves(kind: Kind) {
    let harness = Harness::start(kind);
    let own = harness.context();
    record_many(&harness, &own, 600).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(harness.engine.export(own.clone(), PAYMENTS).await.expect("an export"));
    }
    let refused = harness.engine.export(own.clone(), PAYMENTS).await.err().expect("two are enough");
    assert_eq!((refused.code, refused.retry_after_seconds), (ErrorCode::Overloaded, Some(10)));
    let other = context(TenantId::from_uuid(uuid::Uuid::now_v7()), Mode::Test);
    assert!(harness.engine.export(other, PAYMENTS).await.is_ok(), "others have their own");
    // Writers and readers do not notice.
    let paid = harness.engine.create_payment(own.clone(), create("pm_test_success"), None).await;
    assert_eq!(paid.status, 201);

    // Who goes away ends the export, and its transaction.
    held.pop();
    let engine = harness.engine.clone();
    let again =
        eventually("a slot is free again", async || engine.export(own.clone(), PAYMENTS).await.ok()).await;
    assert_eq!(rest(again).await.expect("the whole").len(), 601);
    let waiting = held.pop().expect("the other one");
    assert_eq!(rest(waiting).await.expect("the whole").len(), 600);
    harness.engine.drain().await;
}

/// A sink that has room for one part.
struct Full(usize);

impl ExportSink for Full {
    fn take(&mut self, _rows: Vec<u8>, _objects: u64) -> std::io::Result<()> {
        self.0 += 1;
        if self.0 > 1 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

async fn a_full_disk_ends_an_export(kind: Kind) {
    let harness = Harness::start(kind);
    record_many(&harness, &harness.context(), 200).await;
    let mut connection = harness.url.connect().expect("the database");
    let realm = Realm { tenant_id: harness.tenant, mode: Mode::Test };
    let mut full = Full(0);
    let failed = export(&mut connection, realm, &PAYMENTS, &mut full).expect_err("there is no room");
    assert!(matches!(failed, ExportFailed::Output(_)));
    assert_eq!(failed.to_string(), "the export can't be written: no storage space");
    assert_eq!(full.0, 2, "nothing is sent after a failure");
    // The connection is of use again.
    assert!(export(&mut connection, realm, &PAYMENTS, &mut All::default()).is_ok());
    harness.engine.drain().await;
}

/// A sink that keeps everything.
#[derive(Default)]
struct All {
    bytes: Vec<u8>,
    expected: Option<u64>,
    taken: u64,
}

impl ExportSink for All {
    fn wants_total(&self) -> bool {
        true
    }

    fn expect(&mut self, total: u64) {
        self.expected = Some(total);
    }

    fn take(&mut self, rows: Vec<u8>, objects: u64) -> std::io::Result<()> {
        self.bytes.extend(rows);
        self.taken += objects;
        Ok(())
    }
}

async fn a_csv_has_the_keys_of_the_view_as_columns(kind: Kind) {
    let harness = Harness::start(kind);
    let paid = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    let refund = common::refund(100);
    harness.engine.refund_payment(harness.context(), common::id(&paid), refund, None).await;
    let mut connection = harness.url.connect().expect("the database");
    let realm = Realm { tenant_id: harness.tenant, mode: Mode::Test };
    for kind in [ExportKind::Payments, ExportKind::Refunds, ExportKind::Transactions] {
        let mut sink = All::default();
        let request = ExportRequest { kind, ..PAYMENTS };
        let count = export(&mut connection, realm, &request, &mut sink).expect("an export");
        assert_eq!((Some(count), count), (sink.expected, sink.taken), "{kind}");
        let lines = String::from_utf8(sink.bytes).expect("UTF-8");
        for line in lines.lines() {
            let object: serde_json::Map<String, Value> = serde_json::from_str(line).expect("an object");
            let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
            keys.retain(|key| !["attempts", "postings"].contains(key));
            let mut columns = kind.columns().to_vec();
            columns.sort_unstable();
            keys.sort_unstable();
            assert_eq!(keys, columns);
        }
        let mut sink = All::default();
        let request = ExportRequest { kind, format: ExportFormat::Csv, ..PAYMENTS };
        export(&mut connection, realm, &request, &mut sink)
            .expect("every view has every column in its place");
        let text = String::from_utf8(sink.bytes).expect("UTF-8");
        assert_eq!(text.lines().next(), Some(kind.columns().join(",").as_str()));
        assert_eq!(text.lines().count(), lines.lines().count() + 1);
    }
    harness.engine.drain().await;
}
