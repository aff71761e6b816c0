//! Which currencies Stripe takes, and in which units it counts them.
//!
//! Stripe counts in the units of ISO 4217 except for
//!
//! | currency | here | at Stripe |
//! | --- | --- | --- |
//! | ISK, UGX | no decimals | two, which have to be 00 |
//! | MGA | two | none |
//! | BHD, JOD, KWD, OMR, TND | three | three, the last of which has to be 0 |
//!
//! An amount that can't be counted so is refused before anything is sent, and nothing is ever rounded. (HUF and TWD are
//! special for payouts only.)

use florin_domain::Currency;

use crate::Units;

/// What a charge can be made in; `docs.stripe.com/currencies`, "presentment currencies".
const TAKEN: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY COP \
    CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD JOD \
    JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN \
    NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SZL THB \
    TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW";

/// The currencies that Stripe takes, sorted.
pub(super) fn taken() -> Vec<Currency> {
    let mut taken: Vec<Currency> =
        TAKEN.split_whitespace().filter_map(|code| Currency::parse(code).ok()).collect();
    taken.sort();
    taken
}

/// The units that are not those of ISO 4217.
pub(super) fn units() -> Vec<(Currency, Units)> {
    let special = [
        ("ISK", 2, 100),
        ("UGX", 2, 100),
        ("MGA", 0, 1),
        ("BHD", 3, 10),
        ("JOD", 3, 10),
        ("KWD", 3, 10),
        ("OMR", 3, 10),
        ("TND", 3, 10),
    ];
    let parsed = special.into_iter().map(|(code, exponent, step)| {
        Currency::parse(code).map(|currency| (currency, Units { exponent, step }))
    });
    parsed.filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use florin_domain::{Amount, MethodType};

    use super::*;
    use crate::{Capabilities, Currencies};

    /// Those that Stripe's documentation lists as having no decimals.
    const WITHOUT_DECIMALS: &str = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";

    fn stripe() -> Capabilities {
        Capabilities { currencies: Currencies::Only(taken()), units: units(), ..Capabilities::default() }
    }

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_are_sent_in_stripes_units_or_not_at_all() {
        let table = [
            ("USD", 1234, Some(1234)),
            ("JPY", 500, Some(500)),
            ("HUF", 1045, Some(1045)),
            ("TWD", 80_045, Some(80_045)),
            ("ISK", 5, Some(500)),
            ("UGX", 5, Some(500)),
            ("MGA", 500, Some(5)),
            ("MGA", 501, None),
            ("KWD", 5120, Some(5120)),
            ("KWD", 5124, None),
            ("BHD", 10, Some(10)),
            ("TND", 1, None),
        ];
        for (code, amount, expected) in table {
            let units = stripe().to_units(Amount::new(amount).unwrap(), currency(code)).ok();
            assert_eq!(units, expected, "{amount} {code}");
            if let Some(units) = units {
                assert_eq!(stripe().from_units(units, currency(code)), Ok(amount), "{units} {code}");
            }
        }
        assert!(stripe().from_units(550, currency("ISK")).is_err(), "half a króna");
    }

    #[test]
    fn each_currency_is_counted_as_stripe_documents_it() {
        let taken = taken();
        assert_eq!(taken.len(), TAKEN.split_whitespace().count(), "every code is known");
        assert!(taken.len() > 135);
        for currency in taken {
            let one = stripe().to_units(Amount::new(100).unwrap(), currency).unwrap();
            let decimals = match currency.exponent() {
                0 if one == 100 => 0,
                0 => 2,
                2 if one == 1 => 0,
                exponent => exponent,
            };
            let is_listed = WITHOUT_DECIMALS.split_whitespace().any(|code| code == currency.code());
            assert_eq!(decimals == 0, is_listed, "{currency}");
        }
    }

    #[test]
    fn what_stripe_does_not_list_is_not_taken() {
        let stripe = Capabilities { methods: vec![MethodType::Card], ..stripe() };
        assert!(stripe.takes(MethodType::Card, currency("EUR")));
        assert!(!stripe.takes(MethodType::Credits, currency("EUR")));
        for code in ["CLF", "IQD", "LYD", "KPW"] {
            assert!(!stripe.takes(MethodType::Card, currency(code)), "{code}");
        }
    }
}
