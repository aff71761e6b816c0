use florin_domain::{DeliveryId, EventId, Mode};
use florin_storage::Realm;

use super::*;
use crate::delivery::sample::sample_endpoint;

const AT_ONCE: u32 = 3;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_770_000_000, 0).unwrap()
}

fn endpoint() -> WebhookEndpoint {
    WebhookEndpoint { max_concurrency: AT_ONCE, ..sample_endpoint() }
}

fn parcel(until: DateTime<Utc>) -> Parcel {
    let claimed = Claimed {
        realm: Realm { tenant_id: endpoint().tenant_id, mode: Mode::Test },
        endpoint_id: endpoint().id,
        id: DeliveryId::from_bytes([3; 16]),
        event_id: EventId::from_bytes([4; 16]),
        lease: 1,
        failed_tries: 0,
    };
    Parcel { claimed, body: Arc::from("{}"), until }
}

fn lanes() -> Lanes {
    let lanes = Lanes::new(Duration::from_secs(15));
    lanes.open(true);
    lanes
}

fn room(lanes: &Lanes) -> u32 {
    lanes.wanted([endpoint()].iter()).first().map_or(0, |wanted| wanted.at_most)
}

fn next(lanes: &Lanes) -> Option<Parcel> {
    lanes.next(key_of(&endpoint()), Some(&endpoint()), now())
}

#[test]
fn an_endpoint_gets_no_more_at_once_than_it_may_and_has_none_waiting_before_its_pace_is_known() {
    let lanes = lanes();
    assert_eq!(room(&lanes), AT_ONCE);
    let until = lanes.lease_from(now());
    lanes.take(&[], vec![parcel(until); 5]);
    assert_eq!(room(&lanes), 0);
    assert_eq!((0..5).filter_map(|_| next(&lanes)).count(), 3);
    lanes.sent(key_of(&endpoint()), None);
    assert!(next(&lanes).is_none(), "it is not written down yet");
    lanes.written(&[key_of(&endpoint())]);
    assert!(next(&lanes).is_some());
    assert!(next(&lanes).is_none());
    let mut promises = Promises::new(&lanes, now());
    assert_eq!(promises.make(&endpoint()), None, "there is no room");
}

#[test]
fn a_fast_endpoint_has_two_seconds_taken_ahead_and_one_that_fails_none() {
    let lanes = lanes();
    let key = key_of(&endpoint());
    let until = lanes.lease_from(now());
    lanes.take(&[], vec![parcel(until); 2]);
    (0..2).for_each(|_| drop(next(&lanes)));
    lanes.sent(key, Some(Duration::from_millis(100)));
    assert_eq!(room(&lanes), AT_ONCE + 3 * 20 - 2, "two are not written down");
    lanes.sent(key, None);
    lanes.written(&[key; 2]);
    assert_eq!(room(&lanes), AT_ONCE);
}

#[test]
fn what_a_commit_promised_is_taken_when_it_stands_and_forgotten_when_it_does_not() {
    let lanes = lanes();
    let mut promises = Promises::new(&lanes, now());
    let until = promises.make(&endpoint()).unwrap();
    assert_eq!(until, lanes.lease_from(now()));
    assert_eq!(room(&lanes), AT_ONCE - 1);
    drop(promises);
    assert_eq!(room(&lanes), AT_ONCE, "it did not stand");
    let mut promises = Promises::new(&lanes, now());
    (0..4).for_each(|_| _ = promises.make(&endpoint()));
    assert_eq!(room(&lanes), 0);
    promises.keep(vec![parcel(until); 3]);
    assert_eq!(room(&lanes), 0);
    assert_eq!((0..4).filter_map(|_| next(&lanes)).count(), 3);
    lanes.open(false);
    lanes.sent(key_of(&endpoint()), Some(Duration::from_millis(1)));
    assert_eq!(Promises::new(&lanes, now()).make(&endpoint()), None, "nothing is sent any more");
}

#[test]
fn what_could_not_be_answered_within_its_lease_is_not_begun_nor_what_is_for_nobody() {
    let lanes = lanes();
    let key = key_of(&endpoint());
    let soon = now() + TimeDelta::seconds(14);
    lanes.take(&[], vec![parcel(soon), parcel(lanes.lease_from(now()))]);
    assert_eq!(next(&lanes).map(|parcel| parcel.until), Some(lanes.lease_from(now())));
    assert_eq!(lanes.lock().waiting, 0);
    lanes.take(&[], vec![parcel(lanes.lease_from(now())); 2]);
    assert!(lanes.next(key, None, now()).is_none());
    assert_eq!(lanes.lock().waiting, 0);
    lanes.written(&[key]);
    lanes.keep_only(|_| false);
    assert!(lanes.lock().lanes.is_empty());
}

#[test]
fn what_waits_when_all_ends_goes_only_to_endpoints_that_answer() {
    let lanes = lanes();
    let key = key_of(&endpoint());
    lanes.take(&[], vec![parcel(lanes.lease_from(now())); 3]);
    lanes.open(false);
    assert!(next(&lanes).is_none());
    lanes.sent(key, Some(Duration::from_millis(1)));
    assert!(next(&lanes).is_some());
}

#[test]
fn more_is_asked_for_only_when_some_was_left_and_the_lane_is_nearly_empty() {
    let lanes = lanes();
    let key = key_of(&endpoint());
    let wanted = lanes.wanted([endpoint()].iter());
    lanes.take(&wanted, vec![parcel(lanes.lease_from(now())); 3]);
    (0..3).for_each(|_| drop(next(&lanes)));
    assert!(!lanes.written(&[key]).is_empty(), "as many came as were wanted, so there may be more");
    assert_eq!(lanes.wanted([endpoint()].iter()).len(), 1);
    assert!(lanes.written(&[key]).is_empty(), "all that there was is taken");
    lanes.take(&wanted, vec![parcel(lanes.lease_from(now())); 9]);
    assert!(lanes.written(&[key]).is_empty(), "enough is waiting");
}
