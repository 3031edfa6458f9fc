use std::io::{BufRead, Cursor, Read};
use std::iter;

use super::*;

/// Gives a byte or a few at a time, as a pipe may.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let few = into.len().min(7);
        self.0.read(&mut into[..few])
    }
}

fn open(format: Format, text: &[u8]) -> Result<Rows, String> {
    let input: Box<dyn BufRead> = Box::new(Cursor::new(text.to_vec()));
    Rows::of(input, format, None).map_err(|error| error.to_string())
}

/// Line, email or what is wrong, and what is kept; at last why there is no more, if that
/// is not the end.
fn read(rows: &mut Rows) -> Vec<(u64, String, String)> {
    let told = |row: Row| {
        let email = row.customer.map_or_else(|wrong| wrong.join("; "), |customer| customer.email);
        (row.line, email, String::from_utf8_lossy(&row.raw).into_owned())
    };
    iter::from_fn(|| match rows.next() {
        Ok(row) => row.map(told),
        Err(error) => Some((0, error.to_string(), String::new())),
    })
    .scan(false, |failed, row| {
        let more = (!*failed).then(|| row.clone());
        *failed = row.0 == 0;
        more
    })
    .collect()
}

fn rows(format: Format, text: &[u8]) -> Vec<(u64, String)> {
    let mut rows = open(format, text).unwrap();
    read(&mut rows).into_iter().map(|(line, told, _)| (line, told)).collect()
}

fn told(rows: &[(u64, &str)]) -> Vec<(u64, String)> {
    rows.iter().map(|&(line, told)| (line, told.to_owned())).collect()
}

#[test]
fn json_lines_may_be_empty_end_in_crlf_or_not_at_all() {
    let text = b"\xef\xbb\xbf\n{\"email\": \"a@b.c\"}\r\n\r\n  \n {\"email\": \"d@e.f\"} ";
    assert_eq!(rows(Format::Jsonl, text), told(&[(2, "a@b.c"), (5, "d@e.f")]));
    assert_eq!(rows(Format::Jsonl, b""), []);
}

#[test]
fn a_wrong_line_of_json_is_told_without_its_text_and_the_next_is_read() {
    let text = b"{\"email\": \"a@b.c\"}\n{\"email\": SECRET}\n[\"SECRET\"]\n\"SECRET\"\n\
        {\"email\": \"SECRET\n{\"email\": \"\xff\"}\n{\"email\": \"d@e.f\"}";
    let expected = [
        (1, "a@b.c"),
        (2, "this is not JSON from column 11 on"),
        (3, "this is no JSON object"),
        (4, "this is no JSON object"),
        (5, "this is JSON without its end"),
        (6, "this is not UTF-8 from byte 12 on"),
        (7, "d@e.f"),
    ];
    assert_eq!(rows(Format::Jsonl, text), told(&expected));
}

#[test]
fn what_is_no_json_lines_is_told_at_its_beginning() {
    for (text, fault) in [
        ("[{\"email\": \"a@b.c\"}]", "line 1: this is an array"),
        ("\n[\n", "line 2: a value that does not end here"),
        ("{\n  \"email\": \"a@b.c\"\n}\n", "line 1: a value that does not end here"),
    ] {
        let rows = rows(Format::Jsonl, text.as_bytes());
        let [(0, told)] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(told.starts_with(fault) && told.ends_with("as `jq -c` writes them"), "{told}");
    }
}

#[test]
fn csv_may_have_quotes_line_breaks_a_mark_of_byte_order_and_crlf() {
    let text = b"\xef\xbb\xbfdisplayName,email\r\n\"Lovelace, Ada\",a@b.c\r\n\r\n\
        \"two\r\nlines \"\"quoted\"\"\",d@e.f\r\n,g@h.i";
    let mut rows = open(Format::Csv, text).unwrap();
    assert_eq!(rows.heading(), Some(&b"displayName,email"[..]));
    let names: Vec<_> = iter::from_fn(|| rows.next().unwrap())
        .map(|row| (row.line, row.customer.ok().unwrap().display_name))
        .collect();
    let expected = [(2, "Lovelace, Ada"), (4, "two\r\nlines \"quoted\""), (6, "")];
    assert_eq!(names, told(&expected));
    let mut rows = open(Format::Csv, text).unwrap();
    let kept: Vec<_> = read(&mut rows).into_iter().map(|(.., raw)| raw).collect();
    let expected = ["\"Lovelace, Ada\",a@b.c", "\"two\r\nlines \"\"quoted\"\"\",d@e.f", ",g@h.i"];
    assert_eq!(kept, expected);
}

#[test]
fn csv_is_read_the_same_in_whatever_pieces_it_comes() {
    let text = b"email,displayName\r\na@b.c,\"x\r\n,y\"\r\n\nd@e.f,z\n";
    let trickle = BufReader::with_capacity(7, Trickle(Cursor::new(text.to_vec())));
    let mut pieces = Rows::of(Box::new(trickle), Format::Csv, None).unwrap();
    let mut whole = open(Format::Csv, text).unwrap();
    let rows = read(&mut pieces);
    assert_eq!(rows, read(&mut whole));
    assert_eq!(rows.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 5]);
}

#[test]
fn a_wrong_row_of_csv_is_told_and_the_next_is_read() {
    let text = b"email,displayName,totp.parameters.digits\na@b.c,Ana\nd@e.f,\xff,8\ng@h.i,,eight\n\
        j@k.l,\"x,6\nm@n.o,y\",6,\np@q.r,,6\n";
    let expected = [
        (2, "there are 2 fields where the heading has 3"),
        (3, "displayName: must be UTF-8"),
        (4, "totp.parameters.digits: must be a whole number"),
        (5, "there are 4 fields where the heading has 3"),
        (7, "p@q.r"),
    ];
    assert_eq!(rows(Format::Csv, text), told(&expected));
    let mut rows = open(Format::Csv, text).unwrap();
    let hints: Vec<_> = iter::from_fn(|| rows.next().unwrap()).map(|row| row.hint()).collect();
    let hint = "the row has 2 lines: is there a quote that is not closed?".to_owned();
    assert_eq!(hints, [None, None, None, Some(hint), None]);
}

#[test]
fn a_heading_names_columns_that_there_are_each_once_and_email_among_them() {
    let columns = Shape::new().unwrap().columns().join(", ");
    let none_of = |column: &str| {
        format!("line 1: the heading has column {column}, which is none of {columns}")
    };
    for (text, fault) in [
        ("", format!("there is no heading: a line with names of {columns}")),
        ("\n\n", format!("there is no heading: a line with names of {columns}")),
        ("email,name\n", none_of("\"name\"")),
        ("email;name\n", none_of("\"email;name\"")),
        ("email,totp\n", none_of("\"totp\"")),
        ("email,\u{feff}", none_of("2")),
        // No heading at all: what stands there is not repeated.
        ("$2b$04$U0i9FgpCYBdYADrZI4l3Re,ana@example.com\n", none_of("1")),
        ("GEZDGNBVGY3TQOJQ,email\n", none_of("1")),
        ("\nemail,email\n", "line 2: the column email is there twice".to_owned()),
        ("displayName\n", "line 1: the column email is missing".to_owned()),
    ] {
        assert_eq!(open(Format::Csv, text.as_bytes()).err(), Some(fault), "{text:?}");
    }
    let told = open(Format::Csv, b"email,\xff\n").err();
    assert_eq!(told.as_deref(), Some("line 1: the heading is not UTF-8"));
}

#[test]
fn what_has_no_end_is_not_read_to_it() {
    let wide = ["email", &",".repeat(2_000), "\n"].concat();
    assert_eq!(open(Format::Csv, wide.as_bytes()).err().unwrap(), "line 1: more than 1024 fields");
    // 400 columns are read, and named.
    let some = ["email", &",x".repeat(400), "\n"].concat();
    assert!(open(Format::Csv, some.as_bytes()).err().unwrap().contains("has column \"x\""));

    let long = ["email,", &"x".repeat(70_000), "\n"].concat();
    let fault = open(Format::Csv, long.as_bytes()).err().unwrap();
    assert!(fault.starts_with("line 1: a row of more than 64 KiB, "), "{fault}");
}

#[test]
fn a_row_that_is_too_long_is_told_by_its_line_and_not_kept_and_the_next_is_read() {
    let hint = "each line has an object of its own, as `jq -c` writes them";
    let fault = format!("a row of more than 64 KiB, which is not kept: {hint}");
    for length in [65_537 - 13, 65_537, 1_000_000] {
        let long = format!("{{\"email\": \"{}\"}}", "x".repeat(length));
        let text = format!("{long}\n{{\"email\": \"a@b.c\"}}\n{long}");
        let expected = [(1, fault.as_str()), (2, "a@b.c"), (3, &fault)];
        assert_eq!(rows(Format::Jsonl, text.as_bytes()), told(&expected), "{length}");
        let mut kept = open(Format::Jsonl, text.as_bytes()).unwrap();
        let row = kept.next().unwrap().unwrap();
        assert_eq!((row.raw.capacity(), row.bytes), (0, long.len() as u64 + 1));
    }

    let fault =
        "a row of more than 64 KiB, which is not kept: is there a quote that is not closed?";
    let (word, lines) = ("x".repeat(1_000_000), "x\n".repeat(500_000));
    for (long, next) in [
        (word.clone(), 4),
        (format!("\"{word}\""), 4),
        (format!("\"{lines}\""), 500_004),
        (format!("\"{}\"", "\"\"".repeat(200_000)), 4),
    ] {
        let text = format!("email,displayName\na@b.c,\n{long},y\nd@e.f,\n");
        let expected = [(2, "a@b.c"), (3, fault), (next, "d@e.f")];
        assert_eq!(rows(Format::Csv, text.as_bytes()), told(&expected), "{next}");
        let mut kept = open(Format::Csv, text.as_bytes()).unwrap();
        let row = (kept.next().unwrap(), kept.next().unwrap().unwrap()).1;
        assert_eq!((row.raw.capacity(), row.bytes), (0, long.len() as u64 + 3));
    }
    let wide = format!("email\n{}\na@b.c\n", ",".repeat(2_000));
    let expected = [(2, "more than 1024 fields"), (3, "a@b.c")];
    assert_eq!(rows(Format::Csv, wide.as_bytes()), told(&expected));
    // Empty lines are no row, however many.
    let blank = format!("email\n{}a@b.c", "\n".repeat(100_000));
    assert_eq!(rows(Format::Csv, blank.as_bytes()), told(&[(100_002, "a@b.c")]));
}

#[test]
fn a_field_that_is_there_twice_is_refused_by_its_name() {
    let text = b"{\"email\": \"a@b.c\", \"email\": \"d@e.f\"}\n\
        {\"email\": \"a@b.c\", \"totp\": {\"secret\": \"S\", \"secret\": \"T\"}, \"email\": 1}\n\
        {\"email\": \"a@b.c\"}\n";
    let expected = [
        (1, "email: is there twice"),
        (2, "totp.secret: is there twice; email: is there twice"),
        (3, "a@b.c"),
    ];
    assert_eq!(rows(Format::Jsonl, text), told(&expected));
}

#[test]
fn utf_16_is_told_apart() {
    for mark in [b"\xff\xfee\0", b"\xfe\xff\0e"] {
        let fault = open(Format::Csv, mark).err();
        assert_eq!(fault.as_deref(), Some("this is UTF-16: save it as UTF-8"));
    }
}

#[test]
fn a_format_is_what_a_name_ends_in() {
    for (name, format) in [
        ("a.jsonl", Some(Format::Jsonl)),
        ("a.b.NDJSON", Some(Format::Jsonl)),
        ("a.csv", Some(Format::Csv)),
        ("a.json", None),
        ("csv", None),
        ("-", None),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
}

#[test]
fn a_quote_that_nobody_closes_is_no_row_where_the_file_ends() {
    let wrong = "the row goes to the end of the file: is there a quote that is not closed?";
    for text in ["email,displayName\na@b.c,\"open", "email,displayName\na@b.c,\"open\nd@e.f,x\n"] {
        assert_eq!(rows(Format::Csv, text.as_bytes()), told(&[(2, wrong)]));
    }
    let wrong = "the row goes to the end of the file and is not kept: is there a quote that is not \
                 closed?";
    let text = format!("email\na@b.c\n\"{}", "d@e.f\n".repeat(20_000));
    assert_eq!(rows(Format::Csv, text.as_bytes()), told(&[(2, "a@b.c"), (3, wrong)]));
}
