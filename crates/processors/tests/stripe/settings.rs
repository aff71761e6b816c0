//! Which settings a connector is made of, and that its secrets stay its own.

use florin_domain::Mode;
use florin_processors::Processor;
use florin_processors::http::HttpRefused;
use florin_processors::stripe::{Stripe, StripeOptions, StripeRefused};
use secrecy::SecretString;

use crate::support::*;

#[test]
fn a_key_goes_to_stripe_or_stays_on_this_machine() {
    let good = [
        "https://api.stripe.com",
        "https://stripe.example:8443/",
        "http://127.0.0.1:8420",
        "http://127.8.9.10",
        "http://[::1]:1",
        "http://localhost:12111",
    ];
    let bad = [
        "http://api.stripe.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "https://api.stripe.com/v1",
        "https://me@api.stripe.com",
        "https://api.stripe.com?x=1",
        "api.stripe.com",
        "",
    ];
    for url in good {
        assert!(Stripe::new(settings(url)).is_ok(), "{url}");
    }
    for url in bad {
        assert!(
            matches!(Stripe::new(settings(url)).err(), Some(StripeRefused::Http(HttpRefused::Base(_)))),
            "{url}"
        );
    }
}

#[test]
fn a_key_of_the_other_mode_is_refused() {
    let table = [
        ("sk_test_12345", Mode::Test, true),
        ("rk_test_12345", Mode::Test, true),
        ("sk_live_12345", Mode::Live, true),
        ("rk_live_12345", Mode::Live, true),
        ("sk_live_12345", Mode::Test, false),
        ("sk_test_12345", Mode::Live, false),
        ("pk_test_12345", Mode::Test, false),
        ("sk_test_", Mode::Test, false),
        ("sk_test_1234\n5", Mode::Test, false),
        ("", Mode::Test, false),
    ];
    for (key, mode, is_good) in table {
        let mut settings = settings("https://api.stripe.com");
        (settings.secret_key, settings.mode) = (SecretString::from(key), mode);
        let made = Stripe::new(settings);
        assert_eq!(made.is_ok(), is_good, "{key:?} {mode}");
        if let Ok(stripe) = made {
            assert!(stripe.serves(mode));
            assert!(!stripe.serves(Mode::from_live(!mode.is_live())));
        }
    }
}

#[test]
fn options_are_read_from_json_and_misspelled_ones_refused() {
    let read = |text: &str| serde_json::from_str::<StripeOptions>(text);
    assert_eq!(read("{}").unwrap(), StripeOptions::default());
    let changed = read(r#"{"api_base": "http://127.0.0.1:1", "max_delay_seconds": 5}"#).unwrap();
    assert_eq!((changed.api_base.as_str(), changed.max_delay_seconds), ("http://127.0.0.1:1", 5));
    assert!(read(r#"{"api_bass": "http://127.0.0.1:1"}"#).is_err());
    for options in [r#"{"connect_timeout_ms": 0}"#, r#"{"answer_timeout_ms": 0}"#] {
        let mut settings = settings("https://api.stripe.com");
        settings.options = read(options).unwrap();
        assert!(matches!(Stripe::new(settings).err(), Some(StripeRefused::Zero(_))), "{options}");
    }
    for page in [
        "http://shop.example/act",
        "shop.example",
        "javascript:alert(1)",
        "javascript://localhost/%0aalert(1)",
    ] {
        let mut settings = settings("https://api.stripe.com");
        settings.options.action_page = Some(page.to_owned());
        assert!(matches!(Stripe::new(settings).err(), Some(StripeRefused::ActionPage(_))), "{page}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let settings = settings("https://api.stripe.com");
    let shown = format!("{settings:?}");
    for secret in [KEY, &KEY[8..], WEBHOOK_SECRET, &WEBHOOK_SECRET[6..]] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let mut wrong = settings;
    wrong.mode = Mode::Live;
    let refused = Stripe::new(wrong).err().unwrap();
    assert!(!format!("{refused} {refused:?}").contains(&KEY[8..]));
}

#[tokio::test]
async fn what_goes_wrong_tells_neither_the_key_nor_the_webhook_secret() {
    let outcome = stripe("https://stripe.invalid").charge(charge("pm_card_visa")).await;
    assert!(!format!("{outcome:?}").contains(&KEY[8..]), "{outcome:?}");
}
