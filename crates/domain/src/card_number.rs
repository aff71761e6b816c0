//! Finding card numbers in texts, so that they can be refused before they are stored.
//!
//! A card number is 13 to 19 digits with a valid Luhn check digit that begin as an issuer's numbers do and
//! are as many as that issuer gives. It must begin and end where a group of digits does: digits inside a
//! longer uninterrupted number are not taken for one, or every long order number would be suspect. Blanks,
//! dashes and dots within it are seen through, and so are decimal digits of every script. Left alone are
//! UUIDs with or without dashes, longer hexadecimal digests, and 13 digits after a plus sign, which are a
//! telephone number.

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// Whether a card number is found in the text. Takes time linear in its length, and allocates nothing.
///
/// ```
/// use florin_domain::contains_card_number;
/// assert!(contains_card_number("pay with 4242-4242-4242-4242 please"));
/// assert!(contains_card_number("4242424242424242"));
/// assert!(!contains_card_number("4242 4242 4242 4241"));
/// assert!(!contains_card_number("order 2024-000123"));
/// ```
#[must_use]
pub fn contains_card_number(text: &str) -> bool {
    if !may_have_enough_digits(text) {
        return false;
    }
    let mut digits = Digits::default();
    let mut previous = None;
    let mut rest = text.chars();
    loop {
        let here = rest.as_str();
        let Some(character) = rest.next() else {
            return digits.end_group();
        };
        if let Some(after) = skip_hexadecimal_id(previous, here) {
            if digits.end_group() {
                return true;
            }
            digits = Digits::default();
            rest = after.chars();
            previous = None;
            continue;
        }
        if digits.take(character) {
            return true;
        }
        previous = Some(character);
    }
}

/// Most texts have fewer than 13 digits and need no closer look. Beyond ASCII every byte may be one.
fn may_have_enough_digits(text: &str) -> bool {
    let candidates = text.bytes().filter(|byte| byte.is_ascii_digit() || !byte.is_ascii());
    candidates.take(SHORTEST).count() == SHORTEST
}

/// The digits since the last character that can't be within a card number.
#[derive(Default)]
struct Digits {
    /// The last 32 digits, four bits each, the latest in the lowest bits.
    window: u128,
    /// For each of those digits one bit, set where a group begins.
    group_starts: u32,
    count: usize,
    in_group: bool,
    after_plus: bool,
}

impl Digits {
    /// Takes the next character. True when a card number has ended just before it.
    fn take(&mut self, character: char) -> bool {
        if let Some(digit) = decimal_digit(character) {
            self.window = (self.window << 4) | u128::from(digit);
            self.group_starts = (self.group_starts << 1) | u32::from(!self.in_group);
            self.count = self.count.saturating_add(1);
            self.in_group = true;
            return false;
        }
        let found = self.end_group();
        if !is_separator(character) {
            *self = Self { after_plus: character == '+', ..Self::default() };
        }
        found
    }

    /// Ends a group of digits, if one is open. True when it is the last of a card number.
    fn end_group(&mut self) -> bool {
        if !self.in_group {
            return false;
        }
        self.in_group = false;
        // Shifted so that the lowest bits belong to the digit that begins a number of the shortest length.
        let mut group_starts = self.group_starts >> 12;
        let mut heads = self.window >> 36;
        for length in SHORTEST..=LONGEST {
            if group_starts & 1 == 1
                && issuer_gives(heads & 0xFFFF, length)
                && passes_luhn(self.window, length)
                && !self.is_telephone_number(length)
            {
                return true;
            }
            group_starts >>= 1;
            heads >>= 4;
        }
        false
    }

    fn is_telephone_number(&self, length: usize) -> bool {
        self.after_plus && length == SHORTEST && self.count == length
    }
}

/// Whether an issuer's numbers begin with these four digits and have that length.
///
/// `head` has four bits to the digit, so that a hexadecimal literal reads as the digits themselves.
fn issuer_gives(head: u128, length: usize) -> bool {
    match head {
        // Visa.
        0x4000..=0x4999 => matches!(length, 13 | 16 | 19),
        // Mastercard.
        0x5100..=0x5599 | 0x2221..=0x2720 => length == 16,
        // American Express.
        0x3400..=0x3499 | 0x3700..=0x3799 => length == 15,
        // Diners Club.
        0x3000..=0x3059 | 0x3095 | 0x3600..=0x3699 | 0x3800..=0x3999 => matches!(length, 14 | 16..=19),
        // Discover, JCB, UnionPay and Mir.
        0x6011 | 0x6440..=0x6599 | 0x3528..=0x3589 | 0x6200..=0x6299 | 0x2200..=0x2204 => length >= 16,
        // RuPay and Troy.
        0x6000..=0x6099 | 0x8100..=0x8299 | 0x9792 => length == 16,
        // Maestro, within the ranges that cards were really given from.
        0x5000..=0x5099 | 0x5600..=0x5899 | 0x6300..=0x6399 | 0x6700..=0x6799 => true,
        _ => false,
    }
}

fn passes_luhn(window: u128, length: usize) -> bool {
    let mut rest = window;
    let mut sum: u128 = 0;
    for position in 0..length {
        let digit = rest & 0xF;
        let doubled = digit.saturating_mul(2);
        let weighed = match (position % 2, doubled) {
            (0, _) => digit,
            (_, 0..=9) => doubled,
            (_, _) => doubled.saturating_sub(9),
        };
        sum = sum.saturating_add(weighed);
        rest >>= 4;
    }
    sum.is_multiple_of(10)
}

/// What comes after the UUID or digest that begins here, if one does.
fn skip_hexadecimal_id(previous: Option<char>, here: &str) -> Option<&str> {
    const DASHED: usize = 8;
    const WITHOUT_DASHES: usize = 32;
    if previous.is_some_and(|character| character.is_ascii_hexdigit()) {
        return None;
    }
    let length = here.bytes().take_while(u8::is_ascii_hexdigit).count();
    match length {
        DASHED => after_dashed_uuid(here),
        WITHOUT_DASHES.. => here.get(length..),
        _ => None,
    }
}

fn after_dashed_uuid(here: &str) -> Option<&str> {
    let mut rest = here;
    for length in [8, 4, 4, 4, 12] {
        let (group, after) = rest.split_at_checked(length)?;
        if !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        rest = if length == 12 { after } else { after.strip_prefix('-')? };
    }
    (!rest.starts_with(|next: char| next.is_ascii_hexdigit())).then_some(rest)
}

/// Blanks, dashes and dots, as people and word processors write them.
fn is_separator(character: char) -> bool {
    match character {
        '-' | '.' | ' ' => true,
        _ if character.is_ascii() => character.is_ascii_whitespace(),
        // Soft hyphen, middle dot, zero-width blanks, dashes, bullet, dot leader, minus, ideographic and
        // full-width forms.
        '\u{AD}' | '\u{B7}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' => true,
        '\u{2010}'..='\u{2015}' | '\u{2022}' | '\u{2024}' | '\u{2043}' | '\u{2212}' | '\u{3002}' => true,
        '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{FF0E}' | '\u{FF61}' => true,
        _ => character.is_whitespace(),
    }
}

/// The value of a decimal digit of any script.
fn decimal_digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    let code = u32::from(character);
    let zero =
        ZEROS.partition_point(|zero| *zero <= code).checked_sub(1).and_then(|index| ZEROS.get(index))?;
    let value = code.checked_sub(*zero).and_then(|value| u8::try_from(value).ok())?;
    (value <= 9).then_some(value)
}

/// The zeros of Unicode 16 beyond ASCII (general category Nd). Each is followed by its digits one to nine.
const ZEROS: [u32; 75] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0,
    0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16130, 0x16A60,
    0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
    0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];
