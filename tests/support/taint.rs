//! Every secret that tests send and are given is watched for: that it is in no log, no answer
//! but the one that issues it, no database, and no metric.
//!
//! With `TAINT_DIR` set, the servers of a test process log at the level `trace` into that folder,
//! its callers note there the secrets that they see and whatever else they are answered, and
//! databases and metrics are left there. The program `taint` then looks for the ones in the others.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gatehouse::config::{LogFormat, LogSettings};
use gatehouse::log;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use prost::bytes::{Buf, Bytes};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use tonic::Status;
use tonic::body::Body;

/// Where a test process leaves what it saw.
pub struct Taint {
    folder: PathBuf,
    contract: DescriptorPool,
    /// Lines of what a value is, whether it is a secret, and its bytes in hex.
    values: Mutex<File>,
    /// What callers are told besides.
    answers: Mutex<File>,
    /// What servers have exported in the end.
    metrics: Mutex<File>,
    databases: AtomicU64,
}

/// What is watched, if anything is.
pub fn watched() -> Option<&'static Taint> {
    static WATCHED: LazyLock<Option<Taint>> =
        LazyLock::new(|| env::var_os("TAINT_DIR").map(|folder| Taint::start(folder.into())));
    WATCHED.as_ref()
}

/// Whose words a message is. Only a test itself can say that a value is none: what an answer
/// shows in the clear may be the very leak.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Asked,
    Answered,
}

/// A message of one piece, with what came after it.
pub struct Whole {
    pub bytes: Bytes,
    pub trailers: HeaderMap,
}

/// Reads a body to its end; one that breaks off is what there was.
pub async fn collect(mut body: Body) -> Whole {
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(Ok(frame)) = body.frame().await {
        match frame.into_data() {
            Ok(data) => bytes.extend_from_slice(data.chunk()),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    Whole { bytes: bytes.into(), trailers }
}

impl From<Whole> for Body {
    fn from(whole: Whole) -> Self {
        let trailers = (!whole.trailers.is_empty()).then(|| Ok(whole.trailers));
        Self::new(Full::new(whole.bytes).with_trailers(async { trailers }))
    }
}

impl Taint {
    fn start(folder: PathBuf) -> Self {
        let file = |name: &str| File::create(folder.join(format!("{name}-{}", process::id())));
        let logged = Arc::new(Mutex::new(file("log").unwrap()));
        let settings = LogSettings { filter: "trace".to_owned(), format: LogFormat::Text };
        let log = log::subscriber(&settings, move || Shared(Arc::clone(&logged))).unwrap();
        tracing::subscriber::set_global_default(log).expect("the servers of tests log nowhere");
        Self {
            contract: DescriptorPool::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap(),
            values: Mutex::new(file("values").unwrap()),
            answers: Mutex::new(file("answers").unwrap()),
            metrics: Mutex::new(file("metrics").unwrap()),
            folder,
            databases: AtomicU64::new(0),
        }
    }

    /// Notes the values of a request, before it is sent.
    pub fn asked(&self, path: &str, headers: &HeaderMap, body: &[u8]) {
        for key in headers.get_all("authorization") {
            let key = String::from_utf8_lossy(key.as_bytes());
            if let Some((_, key)) = key.split_once(' ') {
                self.note("API key", true, key);
            }
        }
        let Some(method) = self.method(path) else { return };
        if let Some(message) = decode(method.input(), body) {
            self.walk(&message, Said::Asked);
        }
    }

    /// Notes the values of an answer, and all of it that must have none of them.
    pub fn answered(&self, path: &str, headers: [&HeaderMap; 2], body: &[u8]) {
        let mut told = Vec::new();
        for headers in headers {
            for (name, value) in headers {
                told.extend_from_slice(name.as_str().as_bytes());
                told.extend_from_slice(b": ");
                told.extend_from_slice(value.as_bytes());
                told.push(b'\n');
            }
            if let Some(status) = Status::from_header_map(headers) {
                told.extend_from_slice(status.details());
            }
        }
        if let Some(mut message) =
            self.method(path).and_then(|method| decode(method.output(), body))
        {
            self.walk(&message, Said::Answered);
            clear_secrets(&mut message);
            told.extend(prost::Message::encode_to_vec(&message));
        }
        told.push(b'\n');
        write(&self.answers, &told);
    }

    /// Notes the values of each message of an answer without an end, as it comes.
    pub fn watch(&'static self, path: String, headers: &HeaderMap, body: Body) -> Body {
        self.answered(&path, [headers, &HeaderMap::new()], &[]);
        let mut begun = Vec::new();
        Body::new(body.map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                self.answered(&path, [&HeaderMap::new(), trailers], &[]);
            }
            begun.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
            while let Some(length) = whole_message(&begun) {
                let message = begun.drain(..length).collect::<Vec<_>>();
                self.answered(&path, [&HeaderMap::new(), &HeaderMap::new()], &message);
            }
            frame
        }))
    }

    /// Keeps what a server exports of what it has counted.
    pub fn exported(&self, metrics: &str) {
        write(&self.metrics, metrics.as_bytes());
    }

    /// Keeps what a database that is about to be removed has stored.
    pub fn keep_database(&self, folder: &Path) {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        for part in ["gatehouse.db", "gatehouse.db-wal"] {
            let kept = self.folder.join(format!("database-{}-{number}-{part}", process::id()));
            match fs::copy(folder.join(part), kept) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn method(&self, path: &str) -> Option<prost_reflect::MethodDescriptor> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.contract.get_service_by_name(service)?;
        service.methods().find(|known| known.name() == method)
    }

    fn walk(&self, message: &DynamicMessage, said: Said) {
        for (field, value) in message.fields() {
            let secret = is_secret(&field);
            for_each(value, &mut |value| match value {
                Value::String(text) if secret || said == Said::Asked => {
                    self.note(field.full_name(), secret, text);
                }
                Value::Message(message) => self.walk(message, said),
                _ => {}
            });
        }
    }

    fn note(&self, what: &str, secret: bool, value: &str) {
        let kind = if secret { "secret" } else { "public" };
        let hex = data_encoding::HEXLOWER.encode(value.as_bytes());
        write(&self.values, format!("{kind} {what} {hex}\n").as_bytes());
    }
}

/// Whether the contract says that a field must not be printed.
fn is_secret(field: &prost_reflect::FieldDescriptor) -> bool {
    let options = field.options();
    let redacted = options.get_field_by_name("debug_redact");
    redacted.and_then(|value| value.as_bool()).unwrap_or_default()
}

fn for_each(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::List(values) => values.iter().for_each(|value| for_each(value, see)),
        Value::Map(values) => values.values().for_each(|value| for_each(value, see)),
        value => see(value),
    }
}

fn clear_secrets(message: &mut DynamicMessage) {
    let secret: Vec<_> = message.fields().map(|(field, _)| field).filter(is_secret).collect();
    for field in secret {
        message.clear_field(&field);
    }
    for (_, value) in message.fields_mut() {
        match value {
            Value::Message(message) => clear_secrets(message),
            Value::List(values) => {
                for value in values {
                    if let Value::Message(message) = value {
                        clear_secrets(message);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The message of a body, which is framed as gRPC does.
fn decode(kind: MessageDescriptor, body: &[u8]) -> Option<DynamicMessage> {
    DynamicMessage::decode(kind, body.get(5..)?).ok()
}

/// How long the message is that `bytes` begin with, once it is there to its end.
fn whole_message(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?);
    let length = 5 + usize::try_from(length).unwrap();
    (bytes.len() >= length).then_some(length)
}

fn write(file: &Mutex<File>, bytes: &[u8]) {
    file.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes).unwrap();
}

/// One file of many writers.
struct Shared(Arc<Mutex<File>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
