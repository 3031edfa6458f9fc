//! Protobuf and gRPC as bytes.

/// One field's value.
pub enum Value<'a> {
    /// A number, as it was written.
    Number(u64),
    /// A text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
}

/// A message as gRPC frames it: not compressed, and whole.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Appends a number.
pub fn put_varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// Appends the field `number` with this value.
pub fn put(to: &mut Vec<u8>, number: i32, value: &Value<'_>) {
    let number = u64::from(number.unsigned_abs());
    match value {
        Value::Number(value) => {
            put_varint(to, number << 3);
            put_varint(to, *value);
        }
        Value::Bytes(value) => {
            put_varint(to, number << 3 | 2);
            put_varint(to, value.len() as u64);
            to.extend_from_slice(value);
        }
    }
}

/// The fields of a message, in their order. Panics if it is not one: a server sent it.
pub fn fields(mut message: &[u8]) -> Vec<(i32, Value<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = take_varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(take_varint(&mut message)),
            2 => {
                let length = usize::try_from(take_varint(&mut message)).unwrap();
                Value::Bytes(message.split_off(..length).expect("all of a field"))
            }
            1 => Value::Bytes(message.split_off(..8).expect("8 bytes")),
            5 => Value::Bytes(message.split_off(..4).expect("4 bytes")),
            kind => panic!("a field of wire type {kind}"),
        };
        fields.push((i32::try_from(tag >> 3).unwrap(), value));
    }
    fields
}

fn take_varint(from: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *from.split_off_first().expect("more of a number");
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a number of more than 10 bytes");
}
