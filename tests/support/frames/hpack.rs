//! Header compression (RFC 7541), as far as a test needs it: fields are written as they are, and
//! read from a server that may keep no table.

/// Symbols by the length of their code, from 5 bits on; each list in order. The codes are
/// canonical, so that lengths say all. What is not here is in no header of ours.
const SYMBOLS: [&str; 11] = [
    "012aceiost",
    " %-./3456789=A_bdfghlmnpru",
    ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    "&*,;XZ",
    "",
    "!\"()?",
    "'+|",
    "#>",
    "\0$@[]~",
    "^}",
    "<`{",
];
const SHORTEST: usize = 5;

/// The entries of the static table that servers use.
const STATIC: [(usize, &str, &str); 10] = [
    (8, ":status", "200"),
    (9, ":status", "204"),
    (10, ":status", "206"),
    (11, ":status", "304"),
    (12, ":status", "400"),
    (13, ":status", "404"),
    (14, ":status", "500"),
    (28, "content-length", ""),
    (31, "content-type", ""),
    (33, "date", ""),
];

/// An integer behind `first`, whose upper bits are the caller's (section 5.1).
pub fn integer(first: u8, prefix_bits: u32, value: usize, to: &mut Vec<u8>) {
    let most = (1 << prefix_bits) - 1;
    if value < most {
        to.push(first | u8::try_from(value).unwrap());
        return;
    }
    to.push(first | u8::try_from(most).unwrap());
    let mut rest = value - most;
    while rest >= 128 {
        to.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    to.push(u8::try_from(rest).unwrap());
}

/// A field that no table keeps (section 6.2.2).
pub fn literal(name: &[u8], value: &[u8], to: &mut Vec<u8>) {
    to.push(0);
    for text in [name, value] {
        integer(0, 7, text.len(), to);
        to.extend_from_slice(text);
    }
}

/// A field that the receiver's table is to keep (section 6.2.1).
pub fn indexed_literal(name: &[u8], value: &[u8], to: &mut Vec<u8>) {
    let from = to.len();
    literal(name, value, to);
    to[from] = 0x40;
}

/// The fields of a block.
pub fn decode(mut block: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some(&first) = block.first() {
        if first & 0x80 != 0 {
            let (name, value) = entry(read_integer(&mut block, 7));
            fields.push((name, value.to_owned()));
        } else if first & 0xe0 == 0x20 {
            // The size of the table, which is none.
            read_integer(&mut block, 5);
        } else {
            let index = read_integer(&mut block, if first & 0x40 == 0 { 4 } else { 6 });
            let name = if index == 0 { read_text(&mut block) } else { entry(index).0 };
            fields.push((name, read_text(&mut block)));
        }
    }
    fields
}

fn entry(index: usize) -> (String, &'static str) {
    let known = STATIC.into_iter().find(|&(known, ..)| known == index);
    known.map_or_else(
        || (format!("static-{index}"), ""),
        |(_, name, value)| (name.to_owned(), value),
    )
}

fn read_integer(block: &mut &[u8], prefix_bits: u32) -> usize {
    let mut take = || {
        let (&byte, rest) = block.split_first().expect("a whole block");
        *block = rest;
        usize::from(byte)
    };
    let most = (1 << prefix_bits) - 1;
    let mut value = take() & most;
    if value == most {
        let mut shift = 0;
        loop {
            let byte = take();
            value += (byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                break;
            }
        }
    }
    value
}

fn read_text(block: &mut &[u8]) -> String {
    let is_compressed = block.first().is_some_and(|first| first & 0x80 != 0);
    let length = read_integer(block, 7);
    let (text, rest) = block.split_at(length);
    *block = rest;
    if is_compressed { expand(text) } else { String::from_utf8_lossy(text).into_owned() }
}

/// Undoes the Huffman code of appendix B.
fn expand(text: &[u8]) -> String {
    let mut symbols = String::new();
    let (mut code, mut bits) = (0, 0);
    for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |n| usize::from(byte >> n & 1))) {
        (code, bits) = (code << 1 | bit, bits + 1);
        if let Some(symbol) = symbol(code, bits) {
            symbols.push(symbol);
            (code, bits) = (0, 0);
        }
    }
    symbols
}

/// The symbol with this code of so many bits, if there is one.
fn symbol(code: usize, bits: usize) -> Option<char> {
    let mut first = 0;
    for (longer, symbols) in SYMBOLS.iter().enumerate() {
        if SHORTEST + longer == bits {
            return symbols.chars().nth(code.checked_sub(first)?);
        }
        first = (first + symbols.len()) << 1;
    }
    None
}
