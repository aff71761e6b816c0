use florin_domain::strategies::{card_number, description, idempotency_key, method_ref, reason};
use florin_domain::{Description, IdempotencyKey, MethodRef, Reason, TextRefused};
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn an_accepted_text_is_kept_as_it_is_and_survives_json(description in description(), reason in reason()) {
        prop_assert_eq!(Description::parse(description.as_str()), Ok(description.clone()));
        prop_assert_eq!(Reason::parse(reason.to_string()), Ok(reason));
        let json = serde_json::to_string(&description).unwrap();
        prop_assert_eq!(serde_json::from_str::<Description>(&json).unwrap(), description);
    }

    #[test]
    fn tokens_are_visible_ascii(method in method_ref(), key in idempotency_key()) {
        for token in [method.as_str(), key.as_str()] {
            prop_assert!((1..=255).contains(&token.len()));
            prop_assert!(token.bytes().all(|byte| (0x21..=0x7E).contains(&byte)));
        }
    }

    #[test]
    fn a_token_with_any_other_character_is_refused(key in "[!-~]{1,20}[^!-~\\x00][!-~]{0,20}") {
        // Digits around a blank may be a card number, which is refused as well.
        prop_assert!(IdempotencyKey::parse(key.clone()).is_err());
        prop_assert!(MethodRef::parse(key).is_err());
    }

    #[test]
    fn a_card_number_is_refused_everywhere_and_never_repeated(number in card_number()) {
        let refused = TextRefused::ContainsCardNumber;
        prop_assert_eq!(Description::parse(format!("paid with {number}.")), Err(refused));
        prop_assert_eq!(Reason::parse(format!("{number} was stolen")), Err(refused));
        prop_assert_eq!(MethodRef::parse(number.clone()), Err(refused));
        prop_assert_eq!(IdempotencyKey::parse(format!("order:{number}")), Err(refused));
        prop_assert!(!refused.to_string().contains(&number));
    }
}

#[test]
fn free_texts_have_up_to_five_hundred_characters_of_any_script() {
    assert!(Description::parse("").is_ok());
    assert!(Description::parse("é".repeat(500)).is_ok());
    assert_eq!(Description::parse("é".repeat(501)), Err(TextRefused::TooLong { max: 500, actual: 501 }));
    assert_eq!(Reason::parse("é".repeat(501)), Err(TextRefused::TooLong { max: 500, actual: 501 }));
}

#[test]
fn tokens_have_1_to_255_characters() {
    assert_eq!(IdempotencyKey::parse(""), Err(TextRefused::Empty));
    assert!(IdempotencyKey::parse("k".repeat(255)).is_ok());
    assert_eq!(IdempotencyKey::parse("k".repeat(256)), Err(TextRefused::TooLong { max: 255, actual: 256 }));
    assert_eq!(MethodRef::parse(""), Err(TextRefused::Empty));
    assert_eq!(MethodRef::parse("pm test"), Err(TextRefused::NotVisibleAscii));
    assert_eq!(MethodRef::parse("pm_ü"), Err(TextRefused::NotVisibleAscii));
}

#[test]
fn the_null_character_is_refused() {
    assert_eq!(Description::parse("a\0b"), Err(TextRefused::ContainsNul));
    assert_eq!(IdempotencyKey::parse("a\0b"), Err(TextRefused::ContainsNul));
}
