//! What the server was given and what it showed, in order. The model has no part
//! in it: the invariants are judged by this alone.

use std::time::Duration;

use super::call::{Code, Holder, Password};

/// One thing that happened, so long after the case began.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Duration,
    pub event: Event,
}

#[derive(Clone, Debug)]
pub enum Event {
    /// The policy has changed. Enforced from then on, if at all.
    Policy {
        enforced_from: Option<Duration>,
        saml: bool,
    },
    /// A password was set, in this session if in one.
    PasswordSet {
        customer: usize,
        password: u32,
        session: Option<usize>,
    },
    /// VerifyPassword took this password. `holder` is what the sign-in is called
    /// from then on: its start's number where it has come to a session at once.
    PasswordTaken {
        customer: usize,
        password: Password,
        holder: Holder,
    },
    /// A second factor was accepted.
    CodeTaken {
        customer: usize,
        code: Code,
        holder: Holder,
    },
    /// The secret of an enrollment was given out.
    EnrollmentStarted {
        phone: usize,
        holder: Holder,
    },
    /// A code was accepted for the enrollment of this phone.
    EnrollmentVerified {
        phone: usize,
        code: Code,
        holder: Holder,
    },
    /// EnableMfa brought this phone into force.
    Enabled {
        customer: usize,
        phone: usize,
        holder: Holder,
    },
    Disabled {
        customer: usize,
        session: usize,
    },
    CodesMade {
        customer: usize,
        set: usize,
    },
    /// A session was issued to `holder`, a sign-in.
    Issued {
        session: usize,
        customer: usize,
        holder: Holder,
        multi_factor: bool,
    },
    Reset {
        customer: usize,
        end_password: bool,
    },
    Suspended {
        customer: usize,
        suspended: bool,
    },
    /// Sessions were ended one by one, or by an administrator.
    Ended {
        sessions: Vec<usize>,
    },
    /// What the server shows of everything.
    Seen {
        sessions: Vec<SeenSession>,
        customers: Vec<SeenCustomer>,
    },
}

/// What ValidateSession says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenSession {
    Dead,
    Live { multi_factor: bool },
}

/// What GetCustomer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenCustomer {
    /// Since when a factor is in force. No two come into force at the same time.
    pub factor_since: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub struct History(Vec<Entry>);

/// What is so at one moment, by what has happened.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    enforced_from: Option<Duration>,
    pub saml: bool,
    customers: Vec<CustomerFacts>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerFacts {
    pub password: Option<u32>,
    pub suspended: bool,
    /// The phone in force.
    pub phone: Option<usize>,
    /// The set in force.
    pub set: Option<usize>,
}

impl History {
    pub fn push(&mut self, at: Duration, event: Event) {
        self.0.push(Entry { at, event });
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What is so just before the entry of this number.
    pub fn before(&self, entry: usize) -> Facts {
        let mut facts = Facts::default();
        for Entry { event, .. } in &self.0[..entry] {
            facts.note(event);
        }
        facts
    }

    /// What is so now.
    pub fn now(&self) -> Facts {
        self.before(self.0.len())
    }

    /// The sessions that were seen last without a second factor.
    pub fn weak_sessions(&self) -> Vec<usize> {
        let seen = self.0.iter().rev().find_map(|entry| match &entry.event {
            Event::Seen { sessions, .. } => Some(sessions),
            _ => None,
        });
        let weak = SeenSession::Live { multi_factor: false };
        let sessions = seen.into_iter().flatten().enumerate();
        sessions.filter(|(_, seen)| **seen == weak).map(|(session, _)| session).collect()
    }

    /// The phone of the enrollment that `holder` started last, and whether it was
    /// verified; `None` once it is in force.
    pub fn enrollment(&self, holder: Holder) -> Option<(usize, bool)> {
        let mut found = None;
        for Entry { event, .. } in &self.0 {
            match *event {
                Event::EnrollmentStarted { phone, holder: by } if by == holder => {
                    found = Some((phone, false));
                }
                Event::EnrollmentVerified { phone, holder: by, .. } if by == holder => {
                    found = Some((phone, true));
                }
                Event::Enabled { holder: by, .. } if by == holder => found = None,
                _ => {}
            }
        }
        found
    }
}

impl Facts {
    pub fn enforced(&self, at: Duration) -> bool {
        self.enforced_from.is_some_and(|from| from <= at)
    }

    pub fn customer(&self, customer: usize) -> CustomerFacts {
        self.customers.get(customer).copied().unwrap_or_default()
    }

    fn note(&mut self, event: &Event) {
        match *event {
            Event::Policy { enforced_from, saml } => {
                self.enforced_from = enforced_from;
                self.saml = saml;
            }
            Event::PasswordSet { customer, password, .. } => {
                self.of(customer).password = Some(password);
            }
            Event::Suspended { customer, suspended } => self.of(customer).suspended = suspended,
            Event::Enabled { customer, phone, .. } => self.of(customer).phone = Some(phone),
            Event::CodesMade { customer, set } => self.of(customer).set = Some(set),
            Event::Disabled { customer, .. } => {
                let facts = self.of(customer);
                (facts.phone, facts.set) = (None, None);
            }
            Event::Reset { customer, end_password } => {
                let facts = self.of(customer);
                (facts.phone, facts.set) = (None, None);
                facts.password = facts.password.filter(|_| !end_password);
            }
            _ => {}
        }
    }

    fn of(&mut self, customer: usize) -> &mut CustomerFacts {
        if self.customers.len() <= customer {
            self.customers.resize(customer + 1, CustomerFacts::default());
        }
        &mut self.customers[customer]
    }
}
