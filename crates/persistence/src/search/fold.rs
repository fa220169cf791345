//! Folding: differences in spelling that a search ignores.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use webchat_domain::is_pictograph;

/// The maximum length of a term in characters. Longer words are truncated.
const MAX_TERM_CHARS: usize = 64;

/// The zeros of other decimal digits, which are each followed by the digits from 1 to 9.
const ZEROS: [char; 15] =
    ['٠', '۰', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '၀', '០'];

/// Converts a word to lower case, and removes accents, points, invisible characters and everything else that is not part
/// of a word. Compatible characters, such as full-width ones and ligatures, become ordinary ones, and letters
/// that many people type without their strokes become basic ones.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        let letters = word.bytes().filter(u8::is_ascii_alphanumeric).take(MAX_TERM_CHARS);
        return letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    }
    let bare = word.nfkd().filter(|c| !is_optional_mark(*c)).nfc();
    let mut folded = String::with_capacity(word.len());
    for c in bare.flat_map(char::to_lowercase).take(MAX_TERM_CHARS) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            // The tatweel only stretches a word.
            'ـ' => {}
            c if is_in_word(c) => folded.push(basic(c)),
            _ => {}
        }
    }
    folded
}

/// Whether the character continues a word although it is neither a letter nor a digit: a mark, a skin tone, or an invisible
/// character such as a soft hyphen.
pub(super) fn is_extender(c: char) -> bool {
    is_combining_mark(c)
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | 'ﾞ' | 'ﾟ'
            // The vowels and final consonants of decomposed Hangul syllables.
            | '\u{1160}'..='\u{11FF}'
            | '\u{1F3FB}'..='\u{1F3FF}')
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || is_pictograph(c)
}

/// Whether people often omit the mark: accents, the points of Hebrew and Arabic, and the nuktas of Indian scripts. Others,
/// such as the vowels of Indian scripts and Japanese voicing marks, make another word.
fn is_optional_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5C7}'
        | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6ED}'
        | '\u{93C}' | '\u{9BC}' | '\u{A3C}' | '\u{ABC}' | '\u{B3C}' | '\u{CBC}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE2F}')
}

fn basic(c: char) -> char {
    match c {
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ł' => 'l',
        'ı' => 'i',
        'ħ' => 'h',
        'ŧ' => 't',
        'ς' => 'σ',
        'ى' | 'ی' => 'ي',
        'ک' => 'ك',
        'ة' => 'ه',
        'ٱ' => 'ا',
        // Many people write the anusvara of Hindi for the candrabindu.
        'ँ' => 'ं',
        c => ascii_digit(c).unwrap_or(c),
    }
}

fn ascii_digit(c: char) -> Option<char> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero));
    ZEROS.iter().filter_map(value).find_map(|value| char::from_digit(value, 10))
}
