//! What the made-up shop sells, to whom, and for how much.

/// The shop's name, as payers see it.
pub(crate) const SHOP: &str = "Harbour Coffee Roasters";

/// Somebody who buys.
pub(super) struct Person {
    pub(super) name: &'static str,
    /// Before `@example.com`, which nobody has.
    pub(super) mailbox: &'static str,
    /// What they pay in.
    pub(super) currency: &'static str,
    /// A café or an office, which is sent invoices.
    pub(super) is_company: bool,
}

const fn person(name: &'static str, mailbox: &'static str, currency: &'static str) -> Person {
    Person { name, mailbox, currency, is_company: false }
}

const fn company(name: &'static str, mailbox: &'static str, currency: &'static str) -> Person {
    Person { name, mailbox, currency, is_company: true }
}

/// Who buys.
pub(super) const PEOPLE: &[Person] = &[
    person("Amara Okafor", "amara.okafor", "GBP"),
    person("Jonas Lindqvist", "jonas.lindqvist", "EUR"),
    person("Mei Tanaka", "mei.tanaka", "JPY"),
    person("Sofía Hernández", "sofia.hernandez", "EUR"),
    person("Noah Williams", "noah.williams", "USD"),
    person("Léa Fournier", "lea.fournier", "EUR"),
    person("Emma Müller", "emma.mueller", "EUR"),
    person("Haruto Satō", "haruto.sato", "JPY"),
    person("Olivia Brown", "olivia.brown", "USD"),
    person("Lucas Silva", "lucas.silva", "USD"),
    person("Zofia Kowalska", "zofia.kowalska", "EUR"),
    person("Priya Raman", "priya.raman", "GBP"),
    person("Matteo Ricci", "matteo.ricci", "EUR"),
    person("Ingrid Dahl", "ingrid.dahl", "EUR"),
    person("Daniel Cohen", "daniel.cohen", "USD"),
    person("Grace Kim", "grace.kim", "USD"),
    person("Hugo Martin", "hugo.martin", "EUR"),
    person("Laura Keller", "laura.keller", "CHF"),
    person("Ethan Clark", "ethan.clark", "USD"),
    person("Yuki Nakamura", "yuki.nakamura", "JPY"),
    person("Fatima Zahra", "fatima.zahra", "EUR"),
    person("Benjamin Frey", "benjamin.frey", "CHF"),
    person("Chloe Evans", "chloe.evans", "GBP"),
    person("Samuel Adeyemi", "samuel.adeyemi", "GBP"),
    person("Mia Johnson", "mia.johnson", "USD"),
    company("Café Morgenrot", "kontakt.morgenrot", "EUR"),
    company("The Corner Table Ltd", "accounts.cornertable", "GBP"),
    company("Bluebird Offices Inc.", "ap.bluebird", "USD"),
    company("Librairie du Quai", "compta.quai", "EUR"),
    company("Sunrise Bakery LLC", "office.sunrisebakery", "USD"),
    company("Hotel Seeblick AG", "rechnung.seeblick", "CHF"),
];

/// Something to buy.
pub(super) struct Product {
    pub(super) name: &'static str,
    /// In whole units of a major currency; a hundred times as much in yen.
    pub(super) price: i64,
    /// What one more hundredth there is, where the currency has hundredths.
    pub(super) cents: i64,
}

const fn product(name: &'static str, price: i64, cents: i64) -> Product {
    Product { name, price, cents }
}

/// What people buy.
pub(super) const PRODUCTS: &[Product] = &[
    product("House Blend, 500 g", 14, 50),
    product("Espresso No. 4, 1 kg", 27, 90),
    product("Yirgacheffe, 250 g", 11, 20),
    product("Decaf Colombia, 500 g", 16, 40),
    product("Cold brew, 6 bottles", 21, 0),
    product("Hand grinder", 89, 0),
    product("Pour-over set", 46, 75),
    product("Paper filters, 100", 5, 90),
    product("Espresso machine, refurbished", 389, 0),
    product("Monthly subscription", 32, 0),
    product("Tasting course, Saturday", 55, 0),
    product("Gift card", 50, 0),
];

/// What companies are invoiced for.
pub(super) const SUPPLIES: &[Product] = &[
    product("House Blend, 10 kg sack", 198, 0),
    product("Espresso No. 4, 10 kg sack", 229, 0),
    product("Grinder maintenance", 75, 0),
    product("Barista training, half a day", 240, 0),
    product("Oat milk, crate", 19, 80),
];

impl Product {
    /// Its price in the smallest units of a currency.
    pub(super) fn price_in(&self, currency: &str) -> i64 {
        match currency {
            "JPY" => self.price * 150 + self.cents,
            _ => self.price * 100 + self.cents,
        }
    }
}

/// Why money goes back.
pub(super) const REFUND_REASONS: &[&str] = &[
    "Arrived damaged",
    "Ordered twice by mistake",
    "Wrong grind",
    "Course canceled",
    "Returned within 14 days",
    "Goodwill: late delivery",
];

/// Why a payment is not gone through with.
pub(super) const CANCEL_REASONS: &[&str] =
    &["Out of stock", "Customer changed their mind", "Duplicate order"];
