//! Makes a message of any type in the contract.

use gatehouse_domain::time::Timestamp;
use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::{Label, Type};

use super::contract::CONTRACT;
use super::wire::{self, Value};
use super::words::Words;
use crate::Input;

const MASK: &str = ".google.protobuf.FieldMask";
/// Messages within messages, at most.
const MAX_DEPTH: u8 = 4;

/// A message of the type `name`, encoded: well-formed, and otherwise as the input decides.
/// Most are made with care, so that calls get somewhere; the others have anything anywhere.
pub fn make(name: &str, input: &mut Input<'_>, words: &Words, now: Timestamp) -> Vec<u8> {
    let careful = input.below(4) != 1;
    Maker { input, words, now, careful }.message(name, 0)
}

struct Maker<'a, 'b> {
    input: &'a mut Input<'b>,
    words: &'a Words,
    now: Timestamp,
    careful: bool,
}

impl Maker<'_, '_> {
    fn message(&mut self, name: &str, depth: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let fields = &CONTRACT.message(name).field;
        let arm = self.input.byte();
        for field in fields {
            for _ in 0..self.times(field, fields, arm) {
                if field.type_name() == MASK {
                    let mask = self.mask(fields);
                    wire::put(&mut bytes, field.number(), &Value::Bytes(&mask));
                } else {
                    self.field(&mut bytes, field, depth);
                }
            }
        }
        bytes
    }

    /// Also more often than a field should be there: the last one counts.
    fn times(
        &mut self,
        field: &FieldDescriptorProto,
        fields: &[FieldDescriptorProto],
        arm: u8,
    ) -> usize {
        if field.label() == Label::Repeated {
            let wild = &[0, 1, 1, 2, 25, 200][..];
            return *self.input.pick(if self.careful { &[1, 0, 2, 3] } else { wild });
        }
        if self.careful
            && let Some(oneof) = field.oneof_index
            && !field.proto3_optional()
        {
            let arms = fields.iter().filter(|other| other.oneof_index == Some(oneof));
            let arms = arms.map(FieldDescriptorProto::number).collect::<Vec<_>>();
            return usize::from(arms[usize::from(arm) % arms.len()] == field.number());
        }
        *self.input.pick(if self.careful { &[1, 1, 1, 1, 1, 1, 1, 0] } else { &[0, 1, 1, 2] })
    }

    /// An update mask that names fields of the message beside it.
    fn mask(&mut self, fields: &[FieldDescriptorProto]) -> Vec<u8> {
        let beside = fields.iter().filter(|field| field.type_name() != MASK);
        let beside = beside.filter(|field| field.r#type() == Type::Message);
        let paths = beside.flat_map(|field| CONTRACT.paths(field.type_name())).collect::<Vec<_>>();
        let mut mask = Vec::new();
        for _ in 0..*self.input.pick(&[1, 1, 2, 3, 0, 25]) {
            let path = if paths.is_empty() || !self.careful && self.input.flag() {
                self.words.pick("paths", self.input, self.now, false)
            } else {
                self.input.pick(&paths).clone()
            };
            wire::put(&mut mask, 1, &Value::Bytes(path.as_bytes()));
        }
        mask
    }

    fn field(&mut self, to: &mut Vec<u8>, field: &FieldDescriptorProto, depth: u8) {
        let number = field.number();
        match field.r#type() {
            Type::String | Type::Bytes => {
                let text = self.words.pick(field.name(), self.input, self.now, self.careful);
                wire::put(to, number, &Value::Bytes(text.as_bytes()));
            }
            Type::Message if depth < MAX_DEPTH => {
                let message = self.message(field.type_name(), depth + 1);
                wire::put(to, number, &Value::Bytes(&message));
            }
            Type::Enum => {
                let mut known = CONTRACT.numbers(field.type_name());
                if !self.careful {
                    known.extend([-1, 99, i64::from(i32::MAX)]);
                }
                let value = *self.input.pick(&known);
                wire::put(to, number, &Value::Number(value.cast_unsigned()));
            }
            Type::Bool => wire::put(to, number, &Value::Number(self.input.flag().into())),
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => {
                let value = self.number(field.name());
                wire::put(to, number, &Value::Number(value.cast_unsigned()));
            }
            // The contract has no other numbers; whatever comes is a field of the wrong kind.
            _ => wire::put(to, number, &Value::Number(self.input.byte().into())),
        }
    }

    /// Small, at the edge of what is allowed somewhere, or at the end of its type.
    fn number(&mut self, field: &str) -> i64 {
        let now = self.now.as_seconds();
        let kinds = if self.careful { 2 } else { 4 };
        match self.input.below(kinds) {
            _ if self.careful && field == "nanos" => 0,
            0 => self.input.byte().into(),
            1 => now + i64::from(self.input.byte().cast_signed()) * 3_600,
            2 => *self.input.pick(&[
                -1,
                1_000,
                1_001,
                86_400,
                86_401,
                2_592_000,
                2_592_001,
                999_999_999,
                1_000_000_000,
                253_402_300_799,
                253_402_300_800,
                -62_135_596_800,
                315_576_000_000,
                i64::from(i32::MAX),
                i64::from(i32::MIN),
                i64::MAX,
                i64::MAX / 1_000_000,
                i64::MIN,
            ]),
            _ => i64::from_le_bytes(self.input.array()),
        }
    }
}
