//! The order in which events are read, and deliveries: made with their event, claimed once, kept until they are over.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Actor, DeliveryStatus, EventId, StoredSecret, WebhookEndpoint, WebhookEndpointId};
use florin_storage::access::{Tenant, create_tenant};
use florin_storage::read::{Position, Slice};
use florin_storage::webhooks::{
    Claimed, DeliveryQuery, Finished, Listeners, NewDelivery, OldEvents, Tried, Verdict, Wanted,
    claim_deliveries, events_after, failing_endpoints, list_deliveries, load_listeners, settle_events,
};
use florin_storage::{AnyConnection, Event, Needs, StorageError, WorkingSet, begin, commit, rollback};

use crate::harness::on_each_database;
use crate::samples::{id_bytes, noon, realm};

/// Removes all events from before a time, and says how many at a time.
fn remove_old_events(connection: &mut AnyConnection, before: DateTime<Utc>) -> Vec<usize> {
    let mut old = OldEvents::before(connection, before).unwrap();
    std::iter::from_fn(|| old.remove_some(connection).unwrap()).collect()
}

/// An event that was made so many milliseconds after noon.
fn event(milliseconds: i64) -> Event {
    Event {
        realm: realm(1),
        id: EventId::from_bytes(id_bytes(milliseconds, 1)),
        kind: "payment.created",
        object_id: id_bytes(milliseconds, 2),
        sequence: 1,
        snapshot: Arc::from("{}"),
    }
}

fn endpoint(number: u32) -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::from_bytes(id_bytes(0, number)),
        tenant_id: realm(1).tenant_id,
        mode: realm(1).mode,
        url: "https://example.com/".to_owned(),
        types: None,
        description: None,
        enabled: true,
        disabled_reason: None,
        enabled_at: noon(),
        max_concurrency: 10,
        secret: StoredSecret::Plain(vec![1; 24]),
        old_secret: None,
        deleted_at: None,
        revision: 1,
        event_count: 0,
        created_by: Actor::System,
        updated_by: Actor::System,
        updated_at: noon(),
    }
}

fn add_endpoint(connection: &mut AnyConnection, number: u32) {
    let mut set = WorkingSet::default();
    set.put_endpoint(endpoint(number));
    begin(connection).unwrap();
    set.save(connection, 0).unwrap();
    commit(connection).unwrap();
}

fn make_tenant(connection: &mut AnyConnection) {
    create_tenant(connection, &Tenant { id: realm(1).tenant_id, name: "One".to_owned() }).unwrap();
}

/// Saves an event without committing.
fn save(connection: &mut AnyConnection, event: Event, listeners: &Listeners) -> Result<(), StorageError> {
    let mut set = WorkingSet::default();
    set.prepare(connection, &Needs::default())?;
    set.put_event(event);
    set.save_and_deliver(connection, 0, listeners, |_| None).map(drop)
}

/// Saves an event whose deliveries the saver takes for some seconds.
fn commit_taken(connection: &mut AnyConnection, event: Event, seconds: i64) -> Vec<NewDelivery> {
    let listeners = load_listeners(connection).unwrap();
    let mut set = WorkingSet::default();
    begin(connection).unwrap();
    set.prepare(connection, &Needs::default()).unwrap();
    set.put_event(event);
    let until = noon() + TimeDelta::seconds(seconds);
    let deliveries = set.save_and_deliver(connection, 0, &listeners, |_| Some(until)).unwrap();
    commit(connection).unwrap();
    deliveries
}

fn finish(connection: &mut AnyConnection, finished: &[Finished]) {
    let mut set = WorkingSet::default();
    set.put_finished(finished.iter().cloned());
    begin(connection).unwrap();
    set.save(connection, 0).unwrap();
    commit(connection).unwrap();
}

fn commit_event(connection: &mut AnyConnection, event: Event) {
    let listeners = load_listeners(connection).unwrap();
    begin(connection).unwrap();
    save(connection, event, &listeners).unwrap();
    commit(connection).unwrap();
}

fn after(connection: &mut AnyConnection, last: [u8; 16], through: [u8; 16]) -> Vec<[u8; 16]> {
    let events = events_after(connection, realm(1), (last, through), 100).unwrap();
    events.iter().map(|event| event.id.bytes()).collect()
}

const ALL: [u8; 16] = [0xff; 16];

#[test]
fn who_reads_on_after_the_last_id_misses_what_commits_late_and_who_lets_the_order_settle_does_not() {
    on_each_database(|database| {
        if !database.is_postgres() {
            // One transaction writes at a time.
            return;
        }
        let [mut slow, mut quick, mut reader, mut settler] = [(); 4].map(|()| database.connect());
        let listeners = load_listeners(&mut slow).unwrap();
        begin(&mut slow).unwrap();
        save(&mut slow, event(1), &listeners).unwrap();
        commit_event(&mut quick, event(2));
        // Reads on without waiting.
        let mut hasty = after(&mut reader, [0; 16], ALL);
        assert_eq!(hasty, [event(2).id.bytes()]);
        // Waits, and is told nothing that might not stand.
        let waited = settle_events(&mut reader, realm(1), Duration::from_millis(50)).unwrap();
        assert_eq!(after(&mut reader, [0; 16], waited), Vec::<[u8; 16]>::new());
        let settling = std::thread::spawn(move || {
            let through = settle_events(&mut settler, realm(1), Duration::from_secs(20)).unwrap();
            after(&mut settler, [0; 16], through)
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!settling.is_finished(), "somebody may still add an event");
        commit(&mut slow).unwrap();
        let expected = [event(1), event(2)].map(|event| event.id.bytes());
        assert_eq!(settling.join().unwrap(), expected);
        // The control: the first reader will never see the first event.
        hasty.extend(after(&mut reader, event(2).id.bytes(), ALL));
        assert_ne!(hasty, expected);
    });
}

#[test]
fn no_event_is_committed_before_those_whose_order_is_settled() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let listeners = load_listeners(&mut connection).unwrap();
        commit_event(&mut connection, event(5));
        let through = settle_events(&mut connection, realm(1), Duration::from_secs(5)).unwrap();
        assert_eq!(through, event(5).id.bytes());
        begin(&mut connection).unwrap();
        let late = save(&mut connection, event(4), &listeners);
        assert!(matches!(late, Err(StorageError::Conflict { table: "event_log", .. })), "{late:?}");
        rollback(&mut connection).unwrap();
        commit_event(&mut connection, event(6));
        // Whoever writes no events is none of its business.
        begin(&mut connection).unwrap();
        WorkingSet::default().save_and_deliver(&mut connection, 0, &listeners, |_| None).unwrap();
        commit(&mut connection).unwrap();
    });
}

#[test]
fn a_commit_that_does_not_know_who_listens_is_refused_and_then_delivers_to_all() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        let before = load_listeners(&mut connection).unwrap();
        add_endpoint(&mut connection, 1);
        begin(&mut connection).unwrap();
        let stale = save(&mut connection, event(1), &before);
        assert!(matches!(stale, Err(StorageError::Conflict { table: "event_log", .. })), "{stale:?}");
        rollback(&mut connection).unwrap();
        add_endpoint(&mut connection, 2);
        commit_event(&mut connection, event(1));
        for number in [1, 2] {
            assert_eq!(deliveries(&mut connection, number), [(event(1).id, DeliveryStatus::Pending)]);
        }
    });
}

fn deliveries(connection: &mut AnyConnection, number: u32) -> Vec<(EventId, DeliveryStatus)> {
    let query = DeliveryQuery {
        realm: realm(1),
        endpoint_id: endpoint(number).id,
        status: None,
        event_id: None,
        created_after: None,
        created_before: None,
    };
    let slice = Slice::new(100, Position::Offset(0));
    let listed = list_deliveries(connection, &query, slice).unwrap();
    listed.items.into_iter().map(|delivery| (delivery.event_id, delivery.status)).collect()
}

fn claim(connection: &mut AnyConnection, seconds: i64) -> Vec<Claimed> {
    let wanted = Wanted { realm: realm(1), endpoint_id: endpoint(1).id, at_most: 2 };
    let now = noon() + TimeDelta::seconds(seconds);
    claim_deliveries(connection, &[wanted], (now, now + TimeDelta::seconds(10))).unwrap()
}

fn finished(claimed: &Claimed, verdict: Verdict) -> Finished {
    let tried = Tried {
        number: claimed.lease,
        at: noon(),
        duration_ms: 1,
        status_code: Some(204),
        error: None,
        answer: None,
    };
    Finished { claimed: claimed.clone(), verdict, at: noon() + TimeDelta::seconds(13), tried }
}

#[test]
fn a_delivery_is_claimed_by_one_at_a_time_and_finished_only_by_whoever_has_the_lease() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        add_endpoint(&mut connection, 1);
        for number in 1..=3 {
            commit_event(&mut connection, event(number));
        }
        let first = claim(&mut connection, 1);
        assert_eq!(first.len(), 2, "no more than was wanted");
        let second = claim(&mut connection, 1);
        assert_eq!(second.len(), 1, "the others have it");
        assert!(claim(&mut connection, 5).is_empty());
        // Those who had the first two died.
        let again = claim(&mut connection, 12);
        assert_eq!(again.len(), 2);
        assert_eq!(again[0].lease, 2);
        let stale = [finished(&first[0], Verdict::Succeeded), finished(&first[1], Verdict::Failed)];
        finish(&mut connection, &stale);
        assert!(deliveries(&mut connection, 1).iter().all(|(_, status)| *status == DeliveryStatus::Pending));
        let later = noon() + TimeDelta::seconds(73);
        let fresh = [finished(&again[0], Verdict::Succeeded), finished(&again[1], Verdict::Again(later))];
        finish(&mut connection, &fresh);
        let succeeded = deliveries(&mut connection, 1)
            .iter()
            .filter(|(_, status)| *status == DeliveryStatus::Succeeded)
            .count();
        assert_eq!(succeeded, 1);
        assert!(claim(&mut connection, 14).iter().all(|claimed| claimed.id != again[1].id));
    });
}

#[test]
fn whoever_makes_a_delivery_may_take_it_by_that_and_others_get_it_when_the_lease_ends() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        add_endpoint(&mut connection, 1);
        let taken = commit_taken(&mut connection, event(1), 10);
        let also_taken = commit_taken(&mut connection, event(2), 10);
        assert!(claim(&mut connection, 9).is_empty(), "they are taken");
        let mine = taken[0].claimed().unwrap();
        finish(&mut connection, &[finished(&mine, Verdict::Succeeded)]);
        assert_eq!(deliveries(&mut connection, 1).last().unwrap().1, DeliveryStatus::Succeeded);
        let theirs = claim(&mut connection, 11);
        assert_eq!(
            theirs.iter().map(|claimed| (claimed.id, claimed.lease)).collect::<Vec<_>>(),
            [(also_taken[0].id(), 2)]
        );
        let late = also_taken[0].claimed().unwrap();
        finish(&mut connection, &[finished(&late, Verdict::Failed)]);
        assert_eq!(deliveries(&mut connection, 1)[0].1, DeliveryStatus::Pending, "the lease is another's");
    });
}

#[test]
fn an_endpoint_fails_since_the_first_time_that_nothing_was_delivered_and_works_again_after_one_success() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        add_endpoint(&mut connection, 1);
        let key = (realm(1), endpoint(1).id);
        let claimed: Vec<Claimed> = (1..=4)
            .map(|number| commit_taken(&mut connection, event(number), 10)[0].claimed().unwrap())
            .collect();
        let at = |seconds| noon() + TimeDelta::seconds(seconds);
        let since = |connection: &mut AnyConnection| {
            failing_endpoints(connection, &[key]).unwrap().pop().map(|failing| failing.since)
        };
        let again = Verdict::Again(at(100));
        let first = finished(&claimed[0], again);
        finish(&mut connection, &[Finished { at: at(1), ..first }]);
        finish(&mut connection, &[Finished { at: at(2), ..finished(&claimed[1], Verdict::Failed) }]);
        assert_eq!(since(&mut connection), Some(at(1)));
        finish(&mut connection, &[finished(&claimed[2], again), finished(&claimed[3], Verdict::Succeeded)]);
        assert_eq!(since(&mut connection), None, "one of them was delivered");
    });
}

#[test]
fn old_events_go_with_their_deliveries_except_such_as_are_still_to_be_delivered() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        add_endpoint(&mut connection, 1);
        for number in 1..=3 {
            commit_event(&mut connection, event(number * 1000));
        }
        let claimed = claim(&mut connection, 5);
        let done: Vec<_> = claimed.iter().map(|claimed| finished(claimed, Verdict::Succeeded)).collect();
        finish(&mut connection, &done);
        let kept: Vec<_> = deliveries(&mut connection, 1)
            .into_iter()
            .filter(|(_, status)| *status == DeliveryStatus::Pending)
            .collect();
        assert_eq!(kept.len(), 1);
        let after_all = noon() + TimeDelta::seconds(10);
        assert_eq!(remove_old_events(&mut connection, noon()), [0; 0]);
        assert_eq!(remove_old_events(&mut connection, after_all), [2]);
        assert_eq!(after(&mut connection, [0; 16], ALL), [kept[0].0.bytes()]);
        assert_eq!(deliveries(&mut connection, 1), kept);
        // Once it is delivered it goes too.
        let claimed = claim(&mut connection, 60);
        finish(&mut connection, &[finished(&claimed[0], Verdict::Failed)]);
        assert_eq!(remove_old_events(&mut connection, after_all), [1]);
        assert!(deliveries(&mut connection, 1).is_empty());
    });
}

#[test]
fn old_events_are_removed_a_hundred_at_a_time_so_that_others_write_in_between() {
    on_each_database(|database| {
        let mut connection = database.connect();
        make_tenant(&mut connection);
        for number in 1..=230 {
            commit_event(&mut connection, event(number));
        }
        let mut old = OldEvents::before(&mut connection, noon() + TimeDelta::milliseconds(211)).unwrap();
        assert_eq!(old.remove_some(&mut connection).unwrap(), Some(100));
        // Somebody else has it for a moment.
        commit_event(&mut database.connect(), event(231));
        assert_eq!(old.remove_some(&mut connection).unwrap(), Some(100));
        assert_eq!(old.remove_some(&mut connection).unwrap(), Some(10));
        assert_eq!(old.remove_some(&mut connection).unwrap(), None);
        assert_eq!(after(&mut connection, [0; 16], ALL).len(), 21);
    });
}
