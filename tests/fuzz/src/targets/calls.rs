//! Calls of every method of the contract, one after the other, on a server in this process.
//!
//! The methods and their messages are read from the contract's descriptor, so a new one is
//! called without an edit here. What a call answers, later ones can send: a sign-in gets to
//! its end by tokens that an earlier answer gave.

mod answer;
mod contract;
mod message;
mod server;
mod wire;
mod words;

use std::cell::Cell;
use std::time::Duration;

use gatehouse_api::v1;
use prost::Message as _;

use crate::Input;
use answer::Answer;
use contract::{CONTRACT, Method};
use server::Server;
use words::{PASSWORD, SECRET_MARK, Words};

const MAX_CALLS: usize = 12;
/// After so many inputs a server begins anew, over an empty database: lists stay short.
const INPUTS_PER_SERVER: u32 = 200;

thread_local! {
    /// Ends with the test that it is for, and takes its folder along.
    static SERVER: Cell<Option<Server>> = const { Cell::new(None) };
}

pub fn check(bytes: &[u8]) {
    // One that an input makes panic is not put back.
    let kept = SERVER.take().filter(|server| server.inputs < INPUTS_PER_SERVER);
    let mut server = kept.unwrap_or_else(Server::start);
    server.inputs += 1;
    Story::begin(&server, bytes).tell();
    SERVER.set(Some(server));
}

/// The calls of one input, in a portal of their own.
struct Story<'a> {
    server: &'a Server,
    input: Input<'a>,
    words: Words,
    keys: Vec<String>,
    /// Whether the input itself holds what marks a password: then an answer may, too.
    is_marked: bool,
}

impl<'a> Story<'a> {
    fn begin(server: &'a Server, bytes: &'a [u8]) -> Self {
        let mut story = Self {
            server,
            input: Input::new(bytes),
            words: Words::default(),
            keys: vec![server.owner_key()],
            is_marked: holds(bytes, SECRET_MARK.as_bytes()),
        };
        story.furnish();
        story
    }

    /// A portal, its keys, and a customer who has signed in.
    fn furnish(&mut self) {
        let enforced = self.input.flag();
        let id = format!("p{}", self.server.inputs);
        let portal = format!("portals/{id}");
        let settings = v1::Portal {
            display_name: "Acme Billing".to_owned(),
            mfa: Some(v1::MfaPolicy { enforced, ..Default::default() }),
            ..Default::default()
        };
        let made = v1::CreatePortalRequest { portal_id: id, portal: Some(settings) };
        self.furnish_with("AdminService/CreatePortal", 0, &made);
        let customer = v1::Customer { email: "ana@example.com".to_owned(), ..Default::default() };
        let made = v1::CreateCustomerRequest {
            parent: portal.clone(),
            customer: Some(customer),
            customer_id: "ana".to_owned(),
            password: PASSWORD.to_owned(),
        };
        self.furnish_with("AdminService/CreateCustomer", 0, &made);
        for access in [v1::PortalAccess::Full, v1::PortalAccess::Validate] {
            let grant = v1::PortalGrant { portal: portal.clone(), access: access.into() };
            let grant = Some(v1::api_key::Grant::Portal(grant));
            let key = v1::ApiKey { grant, ..Default::default() };
            let made = v1::CreateApiKeyRequest { api_key: Some(key) };
            let answer = self.furnish_with("AdminService/CreateApiKey", 0, &made);
            self.keys.push(v1::CreateApiKeyResponse::decode(&*answer).unwrap().secret);
        }
        let client = Some(v1::ClientContext::default());
        let made = v1::StartSignInRequest { email: "ana@example.com".to_owned(), client };
        let answer = self.furnish_with("PortalAuthService/StartSignIn", 1, &made);
        let started = v1::StartSignInResponse::decode(&*answer).unwrap();
        let made = v1::VerifyPasswordRequest {
            sign_in_token: started.sign_in.unwrap_or_default().token,
            password: PASSWORD.to_owned(),
            client: Some(v1::ClientContext::default()),
        };
        self.furnish_with("PortalAuthService/VerifyPassword", 1, &made);
    }

    fn furnish_with(&mut self, name: &str, key: usize, request: &impl prost::Message) -> Vec<u8> {
        let path = format!("/gatehouse.v1.{name}");
        let method = CONTRACT.methods.iter().find(|method| method.path == path).expect("a method");
        let key = Some(self.keys[key].clone());
        let answer =
            self.server.call(&method.path, key.as_deref(), wire::frame(&request.encode_to_vec()));
        let (code, message) = (answer.code, answer.message.clone());
        self.take_in(method, answer);
        message.unwrap_or_else(|| panic!("{name}: {code:?}"))
    }

    fn tell(mut self) {
        for _ in 0..MAX_CALLS {
            if self.input.is_empty() {
                break;
            }
            self.call();
        }
        self.server.still_answers();
    }

    fn call(&mut self) {
        let seconds = *self.input.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 30, 300, 90_000]);
        self.server.pass(Duration::from_secs(seconds));
        let now = self.server.now();
        let method = self.input.pick(&CONTRACT.methods);
        let key = self.key(method);
        let request = match self.input.below(16) {
            1 => {
                let length = self.input.below(1_024);
                self.input.bytes(length).to_vec()
            }
            2 => {
                let request = message::make(&method.request, &mut self.input, &self.words, now);
                crate::input::changed(&request, &mut self.input)
            }
            _ => message::make(&method.request, &mut self.input, &self.words, now),
        };
        let body = match self.input.below(32) {
            1 => crate::input::changed(&wire::frame(&request), &mut self.input),
            2 => [wire::frame(&request), wire::frame(&request)].concat(),
            3 => Vec::new(),
            _ => wire::frame(&request),
        };
        let answer = self.server.call(&method.path, key.as_deref(), body);
        self.take_in(method, answer);
    }

    /// Mostly one that may call the method.
    fn key(&mut self, method: &Method) -> Option<String> {
        let usual = usize::from(!method.path.contains("Admin"));
        match self.input.below(16) {
            1 => None,
            2 => Some(self.words.any(&mut self.input)),
            3 => Some(self.input.pick(&self.keys).clone()),
            _ => Some(self.keys[usual].clone()),
        }
    }

    fn take_in(&mut self, method: &Method, answer: Answer) {
        answer.holds_to_the_contract(method);
        if !self.is_marked {
            answer.repeats_nothing_of(SECRET_MARK);
        }
        if let Some(message) = answer.message {
            self.words.learn(&method.response, &message);
        }
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
