//! What the payment page says, in each of its languages. A text that is missing in one does not compile.
//!
//! `{…}` in a text stands for what is filled in.

mod de;
mod en;
mod es;
mod fr;
mod ja;

use florin_engine::views::ErrorCode;

use super::language::Language;

/// All that the page says.
pub(crate) struct Words {
    /// The title of the page: `{merchant}`.
    pub(crate) title: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to_pay: &'static str,
    pub(crate) to_reserve: &'static str,
    pub(crate) invoice: &'static str,
    pub(crate) pay_until: &'static str,
    /// `{amount}`.
    pub(crate) pay: &'static str,
    pub(crate) reserve: &'static str,
    pub(crate) reserved_only: &'static str,
    pub(crate) subscription: &'static str,
    pub(crate) how: &'static str,
    pub(crate) test_mode: &'static str,
    pub(crate) test_hint: &'static str,
    pub(crate) language: &'static str,
    pub(crate) look_again: &'static str,
    /// `{place}`.
    pub(crate) go_on_to: &'static str,
    pub(crate) needs_script: &'static str,
    pub(crate) card_stays_there: &'static str,
    pub(crate) nothing_offered: &'static str,
    pub(crate) paid: Notice,
    pub(crate) reserved: Notice,
    pub(crate) paid_at: &'static str,
    pub(crate) paid_before: &'static str,
    pub(crate) waiting: Notice,
    pub(crate) action: Notice,
    pub(crate) act: &'static str,
    pub(crate) expired: Notice,
    pub(crate) canceled: Notice,
    pub(crate) invoice_closed: Notice,
    pub(crate) tried_too_often: Notice,
    pub(crate) not_found: Notice,
    pub(crate) busy: Notice,
    pub(crate) not_from_here: Notice,
    /// `{seconds}`.
    pub(crate) slow_down: Notice,
    pub(crate) not_paid: &'static str,
    pub(crate) problems: Problems,
    pub(crate) methods: Methods,
}

/// A page, or a part of one, that only tells something.
pub(crate) struct Notice {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// Why nothing was paid, and what to do about it.
pub(crate) struct Problems {
    declined: &'static str,
    insufficient_funds: &'static str,
    expired_method: &'static str,
    not_confirmed: &'static str,
    not_sent: &'static str,
    method_unusable: &'static str,
    offer_changed: &'static str,
    busy: &'static str,
    pub(crate) no_method: &'static str,
    pub(crate) card_number: &'static str,
}

/// The sandbox's test payment methods.
pub(crate) struct Methods {
    success: &'static str,
    decline: &'static str,
    insufficient_funds: &'static str,
    expired: &'static str,
    ach: &'static str,
    ach_return: &'static str,
    timeout: &'static str,
    timeout_lost: &'static str,
    requires_action: &'static str,
    processor_error: &'static str,
    refund_fails: &'static str,
    refund_pending: &'static str,
}

impl Words {
    /// What the page says in that language.
    pub(crate) fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &en::WORDS,
            Language::German => &de::WORDS,
            Language::French => &fr::WORDS,
            Language::Spanish => &es::WORDS,
            Language::Japanese => &ja::WORDS,
        }
    }
}

impl Problems {
    /// What an error means to a payer, who can choose another way to pay, or try again.
    pub(crate) fn about(&self, code: ErrorCode) -> &'static str {
        match code {
            ErrorCode::InsufficientFunds | ErrorCode::InsufficientCredits => self.insufficient_funds,
            ErrorCode::ExpiredPaymentMethod => self.expired_method,
            ErrorCode::ActionNotCompleted => self.not_confirmed,
            ErrorCode::ProcessorUnreachable | ErrorCode::NotProcessed => self.not_sent,
            ErrorCode::PaymentMethodInvalid | ErrorCode::PaymentMethodNotFound => self.method_unusable,
            ErrorCode::Overloaded | ErrorCode::OutcomeUnknown => self.busy,
            _ if code.status() == 402 => self.declined,
            _ => self.offer_changed,
        }
    }
}

impl Methods {
    /// The name of a test payment method, if it has one.
    pub(crate) fn name(&self, id: &str) -> Option<&'static str> {
        Some(match id {
            "pm_test_success" | "pm_1234567890" => self.success,
            "pm_test_decline" => self.decline,
            "pm_test_insufficient_funds" => self.insufficient_funds,
            "pm_test_expired" => self.expired,
            "pm_test_ach" => self.ach,
            "pm_test_ach_return" => self.ach_return,
            "pm_test_timeout" => self.timeout,
            "pm_test_timeout_lost" => self.timeout_lost,
            "pm_test_requires_action" => self.requires_action,
            "pm_test_processor_error" => self.processor_error,
            "pm_test_refund_fails" => self.refund_fails,
            "pm_test_refund_pending" => self.refund_pending,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    const SOURCES: [(&str, &str); 5] = [
        ("en", include_str!("en.rs")),
        ("de", include_str!("de.rs")),
        ("fr", include_str!("fr.rs")),
        ("es", include_str!("es.rs")),
        ("ja", include_str!("ja.rs")),
    ];

    /// The texts of a language with the names of their fields, in the order of the file.
    fn texts(source: &'static str) -> Vec<(&'static str, String)> {
        let pieces: Vec<&str> = source.split('"').collect();
        let field = |before: &'static str| before.trim_end_matches(": ").rsplit([' ', '\n']).next().unwrap();
        let plain = |text: &str| text.replace("\\u{a0}", "\u{a0}").replace("\\u{202f}", "\u{202f}");
        pieces.chunks(2).filter(|pair| pair.len() == 2).map(|pair| (field(pair[0]), plain(pair[1]))).collect()
    }

    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn each_language_fills_in_what_english_does() {
        let english = texts(SOURCES[0].1);
        assert!(english.len() > 60, "{}", english.len());
        for (language, source) in SOURCES {
            let own = texts(source);
            assert_eq!(own.len(), english.len(), "{language}");
            for ((field, text), (known, original)) in own.iter().zip(&english) {
                assert_eq!(field, known, "{language}");
                assert_eq!(placeholders(text), placeholders(original), "{language} {field}");
            }
        }
    }

    #[test]
    fn each_language_has_its_own_marks() {
        for (language, source) in SOURCES {
            for (field, text) in texts(source) {
                let has = |marks: &[char]| text.contains(marks);
                let about = format!("{language} {field}: {text}");
                assert!(!has(&['\'', '"']) && !text.contains("..") && !text.contains("  "), "{about}");
                assert_eq!(text.trim(), text, "{about}");
                match language {
                    "fr" => {
                        let marks = text.char_indices().filter(|(_, mark)| "?!;:".contains(*mark));
                        for (at, mark) in marks {
                            let blank = if mark == ':' { '\u{a0}' } else { '\u{202f}' };
                            assert!(text[..at].ends_with(blank), "{about}");
                        }
                    }
                    "es" => {
                        assert_eq!(text.matches('?').count(), text.matches('¿').count(), "{about}");
                        assert_eq!(text.matches('!').count(), text.matches('¡').count(), "{about}");
                    }
                    "ja" => {
                        assert!(!has(&['.', ',', '?', '!', ':', ';', '(', ')', ' ']), "{about}");
                        let is_sentence = text.contains('。');
                        assert!(!is_sentence || text.ends_with('。'), "{about}");
                    }
                    "de" => assert!(
                        !text.contains(" du ") && !text.contains(" Du ") && !text.contains(" dein"),
                        "{about}"
                    ),
                    _ => assert!(!has(&['¿', '¡', '\u{202f}']), "{about}"),
                }
            }
        }
    }
}
