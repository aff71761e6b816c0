use std::time::{Duration, Instant};

use florin_domain::contains_card_number;
use florin_domain::strategies::{card_number, payment_id};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The zeros of some scripts, and of ASCII itself.
const ZEROS: [char; 6] = ['0', '\u{FF10}', '\u{0660}', '\u{0966}', '\u{1D7CE}', '\u{1FBF0}'];

const SEPARATORS: [&str; 12] =
    ["", "", "", " ", "-", ".", "\u{A0}", "\u{2011}", "\u{2013}", "\u{200B}", " - ", "\u{3000}"];

fn in_script(number: &str, zero: char) -> String {
    let value = |digit: char| digit.to_digit(10).and_then(|value| char::from_u32(u32::from(zero) + value));
    number.chars().filter_map(value).collect()
}

fn passes_luhn(number: &str) -> bool {
    let digits = number.chars().rev().map(|digit| digit.to_digit(10).unwrap());
    let weighed = digits.enumerate().map(|(position, digit)| match position % 2 {
        0 => digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighed.sum::<u32>() % 10 == 0
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn a_card_number_is_found_in_any_script_between_any_separators(
        number in card_number(), zero in select(ZEROS.to_vec()), separators in vec(select(SEPARATORS.to_vec()), 19),
    ) {
        let written: String =
            in_script(&number, zero).chars().zip(separators).flat_map(|(digit, gap)| [digit.to_string(), gap.to_owned()]).collect();
        prop_assert!(contains_card_number(&written), "{written}");
    }

    #[test]
    fn a_card_number_is_found_among_words_and_other_numbers(
        number in card_number(), before in "([a-z ]{0,20}|[0-9]{1,6}[ -])", after in "([ ,/:][0-9]{2}/[0-9]{2}| [0-9]{3}|[x-z ]{0,20}|\\.)",
    ) {
        let text = format!("{before}{number}{after}");
        prop_assert!(contains_card_number(&text), "{text}");
    }

    #[test]
    fn two_card_numbers_after_each_other_are_found(one in card_number(), other in card_number(), gap in "[ .-]|, ") {
        let text = format!("{one}{gap}{other}");
        prop_assert!(contains_card_number(&text), "{text}");
    }

    #[test]
    fn a_wrong_check_digit_makes_it_an_order_number(number in card_number(), change in 1..10_u32) {
        let (rest, last) = number.split_at(number.len() - 1);
        let wrong = (last.parse::<u32>().unwrap() + change) % 10;
        let number = format!("{rest}{wrong}");
        prop_assert!(!contains_card_number(&number));
    }

    #[test]
    fn a_number_that_fails_the_check_is_never_found(mut number in "[0-9]{1,40}", prefix in "[A-Z]{0,5}[-_ #]?") {
        if passes_luhn(&number) {
            let last = number.pop();
            number.push(if last == Some('9') { '0' } else { '9' });
        }
        let text = format!("{prefix}{number}");
        prop_assert!(!contains_card_number(&text), "{text}");
    }

    #[test]
    fn a_text_with_fewer_than_thirteen_digits_is_never_refused(text in "[a-z .-]{0,9}([0-9]{1,3}[a-z .-]{1,9}){0,4}") {
        prop_assert!(!contains_card_number(&text));
    }

    #[test]
    fn a_uuid_is_left_alone_with_and_without_dashes_in_any_case(bytes: [u8; 16], only_digits: bool, around in "[ :_/x-z-]?") {
        let digits = if only_digits { bytes.map(|byte| byte % 10 + byte / 16 % 10 * 16) } else { bytes };
        let uuid = uuid::Uuid::from_bytes(digits);
        for text in [uuid.to_string(), uuid.simple().to_string(), uuid.to_string().to_uppercase()] {
            let text = format!("{around}{text}{around}");
            prop_assert!(!contains_card_number(&text), "{text}");
        }
    }

    #[test]
    fn ids_and_digests_are_left_alone(id in payment_id(), digest in "[0-9a-f]{64}") {
        prop_assert!(!contains_card_number(&id.to_string()));
        prop_assert!(!contains_card_number(&digest));
    }

    #[test]
    fn what_looks_like_a_card_number_within_a_uuid_or_digest_is_left_alone(
        number in card_number(), letters in "[a-f]{45}", length in select(vec![32_usize, 40, 64]),
    ) {
        let text: String = format!("{number}{letters}").chars().take(length).collect();
        prop_assert!(!contains_card_number(&text), "{text}");
    }

    #[test]
    fn a_card_number_beside_a_uuid_is_found(number in card_number(), bytes: [u8; 16]) {
        let uuid = uuid::Uuid::from_bytes(bytes);
        let full_width = in_script(&number, '\u{FF10}');
        let texts = [
            format!("{uuid} {number}"),
            format!("{number} {uuid}"),
            format!("{number}-{uuid}"),
            format!("{full_width}{uuid}"),
        ];
        for text in texts {
            prop_assert!(contains_card_number(&text), "{text}");
        }
    }

    #[test]
    fn any_text_is_searched_without_a_panic(text in "\\PC{0,200}") {
        let _ = contains_card_number(&text);
    }
}

#[test]
fn well_known_test_numbers_are_found() {
    let numbers = [
        "4242424242424242",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3056930009020004",
        "36227206271667",
        "3566002020360505",
        "6200000000000005",
        "6205500000000000004",
        "6759649826438453",
        "4000 0566 5566 5556",
        "3782-822463-10005",
        "４２４２ ４２４２ ４２４２ ４２４２",
        "4242.4242.4242.4242",
        "card4242424242424242",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "4242\u{2013}4242\u{2013}4242\u{2013}4242",
        "+4242424242424242",
    ];
    for number in numbers {
        assert!(contains_card_number(number), "{number}");
    }
}

#[test]
fn everyday_numbers_are_left_alone() {
    let texts = [
        "",
        "order 2024-000123",
        "2025-11-06T19:54:00.123Z",
        "1762458840123",
        "1762458840123456789",
        "+4922222222222",
        "0000000000000000",
        "41111111-1111-1111-1111-111111111111",
        "41111111111111111111",
        "DE89 3704 0044 0532 0130 00",
        "999999999999",
        "192.168.100.100 10.0.0.1",
    ];
    for text in texts {
        assert!(!contains_card_number(text), "{text}");
    }
}

#[test]
fn a_long_text_takes_time_in_proportion_to_its_length() {
    let patterns = ["4 ", "4", "41111111-", "4111111111111112 ", "a1", "1.", "４-", "ffffffff-ffff-"];
    for pattern in patterns {
        let text = pattern.repeat(1_000_000 / pattern.len());
        let start = Instant::now();
        let _ = contains_card_number(&text);
        assert!(start.elapsed() < Duration::from_secs(5), "{pattern}");
    }
}
