//! throwaway
use crate::harness::*;
use crate::samples::*;
use florin_domain::*;
use florin_storage::read::*;
use florin_storage::*;
use std::time::Instant;

fn fill(c: &mut AnyConnection, n: i64) {
    let t = blob(c, &realm(1).tenant_id.bytes());
    let f = truth(c, false);
    let (id, att, evt, series) = match c {
        AnyConnection::Postgres(_) => (
            "decode(lpad(to_hex(1700000000000 + i),12,'0') || '70008000' || lpad(to_hex(i),12,'0'),'hex')"
                .to_string(),
            "".to_string(),
            "convert_from",
            "generate_series(1,N) AS s(i)".to_string(),
        ),
        AnyConnection::Sqlite(_) => (
            "unhex(printf('%012x',1700000000000+i) || '70008000' || printf('%012x', i))".to_string(),
            "".to_string(),
            "",
            "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<N) SELECT i FROM s) s"
                .to_string(),
        ),
    };
    let _ = (att, evt);
    let series = series.replace("N", &n.to_string());
    let state = "CASE WHEN i % 1000 = 1 THEN 'pending' WHEN i % 10 = 0 THEN 'failed' ELSE 'captured' END";
    run(
        c,
        &format!(
            "INSERT INTO payments (tenant_id,livemode,id,revision,event_count,state,amount,currency,amount_authorized,amount_captured,amount_refunded,amount_held,amount_returned,capture_method,payment_method_id,payment_method_type,metadata,off_session,charge_count,created_by,updated_by,updated_at,description,failed_at,processor,idempotency_key) SELECT {t},{f},{id},1,1,{state},1000,'USD',CASE WHEN i % 1000 = 1 OR i % 10 = 0 THEN 0 ELSE 1000 END,CASE WHEN i % 1000 = 1 OR i % 10 = 0 THEN 0 ELSE 1000 END,0,0,0,'automatic','pm_1','CARD','{{\"order_id\":\"' || i || '\"}}',{f},1,'system','system',0,'Order number ' || i, CASE WHEN i % 10 = 0 THEN 1 END,'sandbox','k' || i FROM {series}"
        ),
    );
    run(
        c,
        &format!(
            "INSERT INTO attempts (tenant_id,livemode,payment_id,id,revision,kind,number,status,amount,capture,processor,lookups,created_by,updated_by,updated_at,due_at) SELECT {t},{f},{id},{id},1,'charge',1,CASE WHEN i % 1000 = 1 THEN 'unknown' WHEN i % 10 = 0 THEN 'failed' ELSE 'succeeded' END,1000,{},'sandbox',0,'system','system',0,i FROM {series}",
            truth(c, true)
        ),
    );
    let kind = "'payment.created'";
    let tid = realm(1).tenant_id.to_string();
    run(
        c,
        &format!(
            "INSERT INTO events (tenant_id,livemode,id,type,object_id,sequence,snapshot) SELECT {t},{f},{id},{kind},{id},1,'{{\"id\":\"x\",\"tenant_id\":\"{tid}\",\"livemode\":false,\"pad\":\"' || '{}' || '\"}}' FROM {series}",
            "x".repeat(800)
        ),
    );
    run(
        c,
        &format!(
            "INSERT INTO counters SELECT tenant_id, livemode, 'payments.' || state, 0, count(*) FROM payments GROUP BY 1,2,3"
        ),
    );
}

#[test]
fn million() {
    on_each_database(|db| {
        let mut c = db.connect();
        if db.is_postgres() {
            run(&mut c, "SET statement_timeout=0");
        }
        let t = Instant::now();
        fill(&mut c, 1_000_000);
        eprintln!("fill {:?} pg={}", t.elapsed(), db.is_postgres());
        if std::env::var("ANALYZE").is_ok() {
            if db.is_postgres() {
                run(&mut c, "VACUUM ANALYZE")
            }
        }
        let mut c = db.connect();
        let all = PaymentQuery::all(realm(1));
        let st = |s: Vec<State>| PaymentQuery { states: Some(s), ..all.clone() };
        let mid = {
            let l =
                list_payments(&mut c, &all, Slice { limit: 1, position: Position::Offset(500_000) }).unwrap();
            l.items[0].0.id.bytes()
        };
        let first = Position::Offset(0);
        let cases: Vec<(&str, PaymentQuery, Position)> = vec![
            ("first page", all.clone(), first),
            ("offset 400k", all.clone(), Position::Offset(400_000)),
            ("offset 499_990", all.clone(), Position::Offset(499_990)),
            ("offset 900k", all.clone(), Position::Offset(900_000)),
            ("after mid", all.clone(), Position::After(mid)),
            ("before mid", all.clone(), Position::Before(mid)),
            ("pending set", st(vec![State::Pending, State::Processing, State::Authorized]), first),
            (
                "pending set mid",
                st(vec![State::Pending, State::Processing, State::Authorized]),
                Position::After(mid),
            ),
            ("failed mid", st(vec![State::Failed]), Position::Before(mid)),
            ("failed off 40k", st(vec![State::Failed]), Position::Offset(40_000)),
            ("captured", st(vec![State::Captured]), first),
            ("captured mid", st(vec![State::Captured]), Position::After(mid)),
            ("refunded none", st(vec![State::Refunded]), first),
            ("idem key", PaymentQuery { idempotency_key: Some("k77777".into()), ..all.clone() }, first),
            ("currency", PaymentQuery { currency: Currency::parse("USD").ok(), ..all.clone() }, first),
            ("currency none", PaymentQuery { currency: Currency::parse("EUR").ok(), ..all.clone() }, first),
            (
                "time",
                PaymentQuery {
                    created_after: Some(noon() + chrono::Duration::milliseconds(999_000)),
                    ..all.clone()
                },
                first,
            ),
            (
                "time half",
                PaymentQuery {
                    created_after: Some(noon() + chrono::Duration::milliseconds(500_000)),
                    ..all.clone()
                },
                first,
            ),
            (
                "metadata",
                PaymentQuery { metadata: vec![("order_id".into(), "5".into())], ..all.clone() },
                first,
            ),
            ("q", PaymentQuery { q: Some("number 77777".into()), ..all.clone() }, first),
        ];
        for (n, q, p) in &cases {
            let mut best = std::time::Duration::MAX;
            let mut l = None;
            for _ in 0..3 {
                let t = Instant::now();
                l = Some(list_payments(&mut c, q, Slice { limit: 10, position: *p }).unwrap());
                best = best.min(t.elapsed());
            }
            let l = l.unwrap();
            eprintln!("{n:20} {best:?} items {} total {}", l.items.len(), l.total_count);
        }
        let t = Instant::now();
        let d = florin_storage::recovery::due_attempts(&mut c, noon(), 500).unwrap();
        eprintln!("due {} {:?}", d.len(), t.elapsed());
        let t = Instant::now();
        let d = florin_storage::recovery::open_attempt_count(&mut c).unwrap();
        eprintln!("open {} {:?}", d, t.elapsed());
        let t = Instant::now();
        let mut n = 0;
        let s = florin_storage::verify::verify(&mut c, &mut |v| {
            n += 1;
            if n < 3 {
                eprintln!("{v}")
            }
        })
        .unwrap();
        eprintln!("verify {s} {:?}", t.elapsed());
        let rss = std::fs::read_to_string("/proc/self/status").unwrap();
        eprintln!(
            "{}",
            rss.lines()
                .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
                .collect::<Vec<_>>()
                .join(" ")
        );
    });
}
