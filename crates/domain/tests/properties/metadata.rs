use std::collections::BTreeMap;

use florin_domain::strategies::{card_number, metadata, metadata_map};
use florin_domain::{Metadata, MetadataRefused, TextRefused};
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn what_is_accepted_is_within_the_limits_and_kept_as_it_is(map in metadata_map()) {
        if let Ok(metadata) = Metadata::new(map.clone()) {
            prop_assert!(metadata.len() <= 50);
            for (key, value) in metadata.iter() {
                prop_assert!((1..=40).contains(&key.chars().count()));
                prop_assert!(value.chars().count() <= 500);
                prop_assert!(!key.contains('\0') && !value.contains('\0'));
                prop_assert_eq!(metadata.get(key), Some(value));
            }
            prop_assert_eq!(metadata.as_map(), &map);
        }
    }

    #[test]
    fn metadata_survives_json(metadata in metadata()) {
        let json = serde_json::to_string(&metadata).unwrap();
        prop_assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), metadata);
    }

    #[test]
    fn a_merge_sets_and_removes_and_leaves_the_rest(before in metadata(), changes in metadata(), remove: bool) {
        let wanted: BTreeMap<String, Option<String>> = changes
            .iter()
            .map(|(key, value)| (key.to_owned(), (!remove).then(|| value.to_owned())))
            .collect();
        let mut expected = before.as_map().clone();
        for (key, value) in &wanted {
            match value {
                Some(value) => expected.insert(key.clone(), value.clone()),
                None => expected.remove(key),
            };
        }
        prop_assert_eq!(before.merge(wanted), Metadata::new(expected));
    }

    #[test]
    fn a_card_number_is_refused_in_values_and_never_repeated(number in card_number(), name in "[a-z]{1,9}") {
        let map = BTreeMap::from([(name.clone(), format!("card {number}"))]);
        let refused = Metadata::new(map).unwrap_err();
        let expected = MetadataRefused::Text { key: name, refused: TextRefused::ContainsCardNumber };
        prop_assert_eq!(&refused, &expected);
        let told = format!("{refused} {refused:?}");
        prop_assert!(!told.contains(&number));
    }

    #[test]
    fn a_card_number_is_refused_in_keys_and_never_repeated(number in card_number(), padding in "[a-z]{0,40}") {
        for key in [format!("{padding} {number}"), format!("{number} {padding}")] {
            let refused = Metadata::new(BTreeMap::from([(key, "value".to_owned())])).unwrap_err();
            let expected = MetadataRefused::KeyText { refused: TextRefused::ContainsCardNumber };
            prop_assert_eq!(&refused, &expected);
            let told = format!("{refused} {refused:?}");
            prop_assert!(!told.contains(&number));
        }
    }
}

fn map_of(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn numbered(count: usize) -> BTreeMap<String, String> {
    (0..count).map(|number| (format!("key{number}"), String::new())).collect()
}

#[test]
fn there_are_up_to_fifty_keys() {
    assert!(Metadata::new(numbered(50)).is_ok());
    assert_eq!(Metadata::new(numbered(51)), Err(MetadataRefused::TooManyKeys { max: 50, actual: 51 }));
}

#[test]
fn a_merge_beyond_fifty_keys_is_refused_and_one_that_makes_room_is_not() {
    let full = Metadata::new(numbered(50)).unwrap();
    let mut changes = BTreeMap::from([("another".to_owned(), Some(String::new()))]);
    assert_eq!(full.merge(changes.clone()), Err(MetadataRefused::TooManyKeys { max: 50, actual: 51 }));
    changes.insert("key0".to_owned(), None);
    assert_eq!(full.merge(changes).map(|metadata| metadata.len()), Ok(50));
}

#[test]
fn a_key_has_one_to_forty_characters_of_any_script() {
    assert!(Metadata::new(map_of(&"ü".repeat(40), "")).is_ok());
    for (key, actual) in [("ü".repeat(41), 41), (String::new(), 0)] {
        let refused = Metadata::new(map_of(&key, ""));
        assert_eq!(refused, Err(MetadataRefused::KeyLength { key, max: 40, actual }));
    }
}

#[test]
fn a_value_has_up_to_five_hundred_characters_of_any_script() {
    assert!(Metadata::new(map_of("key", &"ü".repeat(500))).is_ok());
    let refused = MetadataRefused::ValueTooLong { key: "key".to_owned(), max: 500, actual: 501 };
    assert_eq!(Metadata::new(map_of("key", &"ü".repeat(501))), Err(refused));
}

#[test]
fn the_null_character_is_refused_in_keys_and_values() {
    let in_key = MetadataRefused::KeyText { refused: TextRefused::ContainsNul };
    assert_eq!(Metadata::new(map_of("k\0", "")), Err(in_key));
    let in_value = MetadataRefused::Text { key: "k".to_owned(), refused: TextRefused::ContainsNul };
    assert_eq!(Metadata::new(map_of("k", "\0")), Err(in_value));
}

#[test]
fn json_with_values_that_are_no_strings_is_refused() {
    for json in [r#"{"a": 1}"#, r#"{"a": null}"#, r#"{"a": {}}"#, "[]", r#"{"": ""}"#] {
        assert!(serde_json::from_str::<Metadata>(json).is_err(), "{json}");
    }
}
