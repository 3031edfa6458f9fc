//! The contract as its descriptor has it.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// The only one there is.
pub static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// One RPC.
pub struct Method {
    /// `/package.Service/Method`.
    pub path: String,
    /// The full name of the request, with the dot before it.
    pub request: String,
    /// The full name of the answer.
    pub response: String,
}

/// All RPCs of ours, and every message that they reach.
pub struct Contract {
    /// In the order of the files.
    pub methods: Vec<Method>,
    messages: HashMap<String, DescriptorProto>,
    enums: HashMap<String, EnumDescriptorProto>,
}

impl Contract {
    fn read() -> Self {
        let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
        let mut contract =
            Self { methods: Vec::new(), messages: HashMap::new(), enums: HashMap::new() };
        for file in set.file {
            let package = format!(".{}", file.package());
            for service in &file.service {
                let path = format!("/{}.{}", file.package(), service.name());
                contract.methods.extend(service.method.iter().map(|method| Method {
                    path: format!("{path}/{}", method.name()),
                    request: method.input_type().to_owned(),
                    response: method.output_type().to_owned(),
                }));
            }
            contract.add(&package, file.message_type, file.enum_type);
        }
        contract
    }

    fn add(
        &mut self,
        scope: &str,
        messages: Vec<DescriptorProto>,
        enums: Vec<EnumDescriptorProto>,
    ) {
        for one in enums {
            self.enums.insert(format!("{scope}.{}", one.name()), one);
        }
        for mut message in messages {
            let name = format!("{scope}.{}", message.name());
            let (nested, enums) =
                (std::mem::take(&mut message.nested_type), std::mem::take(&mut message.enum_type));
            self.add(&name, nested, enums);
            self.messages.insert(name, message);
        }
    }

    /// What an update mask can name of this message: its fields, and those of messages in it.
    pub fn paths(&self, name: &str) -> Vec<String> {
        let mut paths = Vec::new();
        for field in &self.message(name).field {
            paths.push(field.name().to_owned());
            if field.r#type() == Type::Message {
                let below = self.message(field.type_name()).field.iter();
                paths.extend(below.map(|below| format!("{}.{}", field.name(), below.name())));
            }
        }
        paths
    }

    /// The message of this full name.
    pub fn message(&self, name: &str) -> &DescriptorProto {
        &self.messages[name]
    }

    /// The numbers of this enum's values.
    pub fn numbers(&self, name: &str) -> Vec<i64> {
        self.enums[name].value.iter().map(|value| value.number().into()).collect()
    }
}
