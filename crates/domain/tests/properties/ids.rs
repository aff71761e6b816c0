use chrono::{DateTime, Duration, Utc};
use florin_domain::strategies::{attempt_id, payment_id, refund_id, time, uuid_v7};
use florin_domain::{AttemptId, ParseIdError, PaymentId, RefundId, StoredMethodId, WebhookEndpointId};
use proptest::prelude::*;
use uuid::Uuid;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn an_id_survives_its_text_its_bytes_and_json(id in payment_id()) {
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(PaymentId::from_bytes(id.bytes()), id);
        prop_assert_eq!(PaymentId::from_uuid(id.uuid()), id);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(&json, &format!("\"{id}\""));
        prop_assert_eq!(serde_json::from_str::<PaymentId>(&json).unwrap(), id);
    }

    #[test]
    fn an_id_is_its_prefix_and_26_digits(id in refund_id()) {
        let text = id.to_string();
        prop_assert!(text.starts_with("ref_"));
        prop_assert_eq!(text.len(), 30);
        prop_assert_eq!(format!("{id:?}"), text);
    }

    #[test]
    fn ids_sort_by_creation_as_values_as_text_and_as_bytes(one in attempt_id(), other in attempt_id()) {
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        prop_assert_eq!(one.cmp(&other), one.bytes().cmp(&other.bytes()));
        if one.created_at() < other.created_at() {
            prop_assert!(one < other);
        }
    }

    #[test]
    fn an_id_knows_when_it_was_created(time in time(), random: [u8; 10]) {
        let milliseconds = u64::try_from(time.timestamp_millis()).unwrap();
        let uuid = uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
        prop_assert_eq!(PaymentId::from_uuid(uuid).created_at(), time);
    }

    #[test]
    fn the_first_id_of_a_time_parts_what_came_before_from_what_came_after(id in payment_id(), time in time()) {
        let first = PaymentId::first_at(time);
        prop_assert_eq!(id >= first, id.created_at() >= time);
        prop_assert_eq!(first.created_at(), time);
        prop_assert_eq!(first.to_string().parse(), Ok(first));
    }

    #[test]
    fn an_id_is_not_taken_for_one_of_another_type(id in payment_id()) {
        let wrong = Err(ParseIdError::WrongPrefix { expected: "ref" });
        prop_assert_eq!(id.to_string().parse::<RefundId>(), wrong);
    }

    #[test]
    fn an_id_in_upper_case_or_with_more_or_fewer_digits_is_malformed(id in payment_id(), more in "[0-9a-z]{1,9}") {
        let text = id.to_string();
        let suffix = text.trim_start_matches("pay_");
        let malformed = Err(ParseIdError::Malformed { prefix: "pay" });
        prop_assert_eq!(format!("{text}{more}").parse::<PaymentId>(), malformed);
        prop_assert_eq!(text[..text.len() - 1].parse::<PaymentId>(), malformed);
        let upper = suffix.to_ascii_uppercase();
        if upper != suffix {
            prop_assert_eq!(format!("pay_{upper}").parse::<PaymentId>(), malformed);
        }
        // More than 128 bits.
        prop_assert_eq!(format!("pay_8{}", &suffix[1..]).parse::<PaymentId>(), malformed);
    }

    #[test]
    fn a_uuid_of_another_version_is_no_id(uuid in uuid_v7(), version in 0..16_u8, variant in 0..4_u8) {
        let mut bytes = uuid.into_bytes();
        bytes[6] = (bytes[6] & 0x0F) | (version << 4);
        bytes[8] = (bytes[8] & 0x3F) | (variant << 6);
        let parsed = PaymentId::from_bytes(bytes).to_string().parse::<PaymentId>();
        if (version, variant) == (7, 2) {
            prop_assert_eq!(parsed, Ok(PaymentId::from_bytes(bytes)));
        } else {
            prop_assert_eq!(parsed, Err(ParseIdError::NotVersion7 { prefix: "pay" }));
        }
    }

    #[test]
    fn any_text_is_parsed_without_a_panic(text in "(pay_|we_|_)?\\PC{0,30}") {
        if let Ok(id) = text.parse::<PaymentId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}

#[test]
fn the_example_of_the_specification_is_read_and_written() {
    let text = "pm_01h2xcejqtf2nbrexx3vqjhp41";
    let id: StoredMethodId = text.parse().unwrap();
    assert_eq!(id.uuid(), Uuid::parse_str("0188bac7-4afa-78aa-bc3b-bd1eef28d881").unwrap());
    assert_eq!(id.to_string(), text);
}

#[test]
fn a_longer_prefix_is_another_type() {
    let wrong = Err(ParseIdError::WrongPrefix { expected: "we" });
    assert_eq!("web_01h2xcejqtf2nbrexx3vqjhp41".parse::<WebhookEndpointId>(), wrong);
    assert_eq!("we".parse::<WebhookEndpointId>(), wrong);
    assert_eq!("".parse::<WebhookEndpointId>(), wrong);
}

#[test]
fn times_that_no_id_can_have_are_taken_to_the_nearest() {
    let before = DateTime::UNIX_EPOCH - Duration::days(1);
    assert_eq!(AttemptId::first_at(before).created_at(), DateTime::UNIX_EPOCH);
    let last = AttemptId::first_at(DateTime::<Utc>::MAX_UTC);
    assert_eq!(last.created_at().timestamp_millis(), 0xFFFF_FFFF_FFFF);
}
