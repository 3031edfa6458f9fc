//! Many who sign in to one portal at once, with passwords that nobody has: each from an address of
//! their own, so that nothing but the hasher holds them up.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, Overloaded, StoreUnavailable};
use gatehouse_tests::Refusal;
use gatehouse_tests::frames::{CANCEL, Frames, Heard, RST_STREAM, RequestHead, frame_of, message};
use prost::Message;
use tokio::select;
use tokio::task::JoinSet;

use crate::ground::{Ground, START_SIGN_IN};

const VERIFY_PASSWORD: &str = "/gatehouse.v1.PortalAuthService/VerifyPassword";

/// People and the connections that they come on.
pub struct Crowd {
    connections: Vec<Frames>,
    start: RequestHead,
    verify: RequestHead,
    /// Calls of VerifyPassword, one for each who has not been judged.
    calls: Vec<Vec<u8>>,
}

/// What calls came to.
#[derive(Debug, Default)]
pub struct Tally {
    pub judged: usize,
    pub refused: usize,
    /// Those whose time was over, or for whom the database had no connection: what a machine
    /// comes to that has other things to do as well.
    pub late: usize,
    /// When those were told who were refused, and how long they are to wait.
    pub waits: Vec<(Instant, Duration)>,
    last_verdict: Option<Instant>,
    pub took: Duration,
}

impl Tally {
    /// Counts an answer; gives whether it is a verdict.
    fn count(&mut self, heard: &Heard) -> bool {
        let refusal = heard.refusal();
        let is_verdict = refusal.is(CredentialsRejected);
        if is_verdict {
            self.judged += 1;
            self.last_verdict = Some(Instant::now());
        } else if refusal == Refusal::deadline_exceeded() || refusal.is(StoreUnavailable) {
            self.late += 1;
        } else {
            assert!(refusal.is(Overloaded), "{refusal:?}");
            self.refused += 1;
            let wait = refusal.retry_after().expect("when to try again");
            self.waits.push((Instant::now(), wait));
        }
        is_verdict
    }

    fn add(&mut self, other: Self) {
        self.judged += other.judged;
        self.refused += other.refused;
        self.late += other.late;
        self.waits.extend(other.waits);
        self.last_verdict = self.last_verdict.max(other.last_verdict);
    }

    /// How many were refused before the last verdict.
    pub fn refused_before_last_verdict(&self) -> usize {
        self.waits.iter().filter(|(at, _)| Some(*at) < self.last_verdict).count()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { judged, refused, late, took, .. } = self;
        let before = self.refused_before_last_verdict();
        write!(f, "{judged} judged, {refused} refused, {before} of them before the last verdict")?;
        write!(f, ", {late} late, in {took:?}")
    }
}

impl Crowd {
    /// On so many connections, 128 calls at once on each.
    pub async fn new(ground: &Ground, portal: &str, connections: usize) -> Self {
        let key = ground.key_of(portal).await;
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(ground.attacker().await);
        }
        Self {
            connections: opened,
            start: RequestHead::of(START_SIGN_IN).key(&key),
            verify: RequestHead::of(VERIFY_PASSWORD).key(&key),
            calls: Vec::new(),
        }
    }

    /// Lets so many start at once, who go no further, whatever they are answered.
    pub async fn start_at_once(&mut self, count: usize) {
        let request = message(&v1::StartSignInRequest {
            email: "somebody@example.org".to_owned(),
            client: Some(gatehouse_tests::client()),
        });
        let all = self.connections.len();
        for n in 0..count {
            self.connections[n % all].call(&self.start, &request).await;
        }
        for n in 0..count {
            self.connections[n % all].any_answer().await.unwrap();
        }
    }

    /// Lets so many start, a few at once.
    pub async fn start_sign_ins(&mut self, count: usize) {
        let at_once = self.connections.len() * 16;
        let people: Vec<_> = (0..count).collect();
        for people in people.chunks(at_once) {
            let mut streams = Vec::new();
            for (n, person) in people.iter().enumerate() {
                let connection = n % self.connections.len();
                let client = v1::ClientContext {
                    ip_address: format!("10.0.{}.{}", person >> 8, person & 255),
                    user_agent: String::new(),
                };
                let email = format!("{person}@example.org");
                let request = message(&v1::StartSignInRequest { email, client: Some(client) });
                let stream = self.connections[connection].call(&self.start, &request).await;
                streams.push((connection, stream));
            }
            for (connection, stream) in streams {
                let heard = self.connections[connection].answer(stream).await;
                assert!(heard.is_ok(), "{heard:?}");
                let answer = v1::StartSignInResponse::decode(&heard.body[5..]).unwrap();
                self.calls.push(message(&v1::VerifyPasswordRequest {
                    sign_in_token: answer.sign_in.unwrap().token,
                    password: "wrong horse battery".to_owned(),
                    client: None,
                }));
            }
        }
        // What was answered is not to be heard again.
        for connection in &mut self.connections {
            connection.forget();
        }
    }

    /// Lets all of them send their password at once, once.
    pub async fn storm(&mut self) -> Tally {
        let began = Instant::now();
        let mut all = JoinSet::new();
        let share = self.calls.len().div_ceil(self.connections.len());
        let mut left = Vec::new();
        for mut connection in std::mem::take(&mut self.connections) {
            let calls = self.calls.split_off(self.calls.len().saturating_sub(share));
            let verify = self.verify.clone();
            all.spawn(async move {
                let mut tally = Tally::default();
                let mut streams = Vec::new();
                for call in &calls {
                    streams.push(connection.call(&verify, call).await);
                }
                let mut unjudged = Vec::new();
                for _ in 0..calls.len() {
                    let (stream, heard) = connection.any_answer().await.unwrap();
                    if !tally.count(&heard) {
                        let who = streams.iter().position(|&of| of == stream).unwrap();
                        unjudged.push(calls[who].clone());
                    }
                }
                (connection, unjudged, tally)
            });
        }
        let mut tally = Tally::default();
        while let Some(one) = all.join_next().await {
            let (connection, unjudged, one) = one.unwrap();
            tally.add(one);
            self.connections.push(connection);
            left.extend(unjudged);
        }
        self.calls = left;
        tally.took = began.elapsed();
        tally
    }

    /// Lets some of those who were refused try five times more, which is what everybody has.
    pub async fn assert_nobody_was_charged_but_who_was_judged(&mut self, people: usize) {
        for call in self.calls.split_off(self.calls.len() - people / 5) {
            for _ in 0..5 {
                let heard = self.connections[0].ask(&self.verify, &call).await;
                assert!(heard.refusal().is(CredentialsRejected), "{:?}", heard.refusal());
            }
        }
    }

    /// Keeps so many calls under way, and makes `times` new ones for every verdict, until there
    /// are so many verdicts. Who was refused tries again later, and is owed a first try.
    pub async fn keep_up(&mut self, at_once: usize, times: usize, verdicts: usize) -> Tally {
        let began = Instant::now();
        let mut tally = Tally::default();
        let mut under_way = Vec::new();
        let mut due = at_once;
        let (mut judged, mut turn) = (0, 0);
        loop {
            while due > 0 && judged < verdicts {
                due -= 1;
                let Some(connection) = self.free(&under_way, &mut turn) else { break };
                let call = self.calls.pop().expect("enough people");
                let stream = self.connections[connection].call(&self.verify, &call).await;
                under_way.push((connection, stream, call));
            }
            if under_way.is_empty() {
                return tally;
            }
            let (connection, stream, heard) = self.any_answer().await;
            let place = under_way.iter().position(|of| (of.0, of.1) == (connection, stream));
            let (_, _, call) = under_way.swap_remove(place.unwrap());
            let is_verdict = tally.count(&heard);
            if is_verdict {
                judged += 1;
                due += times;
            } else {
                self.calls.insert(0, call);
            }
            if judged == verdicts && tally.took.is_zero() {
                tally.took = began.elapsed();
            }
        }
    }

    /// Calls on and on, whatever is answered, until `work` is done.
    pub async fn flood_while<T>(&mut self, work: impl Future<Output = T>) -> (T, Tally) {
        let mut tally = Tally::default();
        let began = Instant::now();
        let mut under_way = Vec::new();
        let mut turn = 0;
        let mut work = Box::pin(work);
        let mut done = None;
        loop {
            while done.is_none() && under_way.len() < 240 {
                let Some(connection) = self.free(&under_way, &mut turn) else { break };
                let call = self.calls.pop().expect("enough people");
                let stream = self.connections[connection].call(&self.verify, &call).await;
                under_way.push((connection, stream, call));
            }
            if let Some(done) = done.take_if(|_| under_way.is_empty()) {
                tally.took = began.elapsed();
                return (done, tally);
            }
            select! {
                result = &mut work, if done.is_none() => done = Some(result),
                (connection, stream, heard) = self.any_answer(), if !under_way.is_empty() => {
                    let place =
                        under_way.iter().position(|of| (of.0, of.1) == (connection, stream));
                    let (_, _, call) = under_way.swap_remove(place.unwrap());
                    if !tally.count(&heard) {
                        self.calls.insert(0, call);
                    }
                }
            }
        }
    }

    /// Lets so many call, each time on one more connection, and go away before they are answered.
    pub async fn call_and_hang_up(&mut self, count: usize) {
        self.connections.rotate_left(1);
        let mut streams = Vec::new();
        for call in self.calls.split_off(self.calls.len() - count) {
            streams.push(self.connections[0].call(&self.verify, &call).await);
        }
        // Read, and given to a handler.
        assert!(self.connections[0].settle().await);
        let mut resets = Vec::new();
        for stream in streams {
            resets.extend(frame_of(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        }
        self.connections[0].write(&resets).await;
        assert!(self.connections[0].settle().await);
        self.connections[0].forget();
    }

    /// The next connection in turn that bears one more call.
    fn free<T>(&self, under_way: &[(usize, u32, T)], turn: &mut usize) -> Option<usize> {
        let all = self.connections.len();
        *turn += 1;
        (0..all)
            .map(|n| (*turn + n) % all)
            .find(|&n| under_way.iter().filter(|call| call.0 == n).count() < 128)
    }

    /// The next answer on any connection.
    async fn any_answer(&mut self) -> (usize, u32, Heard) {
        let mut each = Vec::new();
        for (n, connection) in self.connections.iter_mut().enumerate() {
            each.push(Box::pin(async move { (n, connection.any_answer().await) }));
        }
        let (n, answer) = first(each).await;
        let (stream, heard) = answer.expect("the connection stands");
        (n, stream, heard)
    }
}

/// What comes of the first of these to end. They may be dropped at any time.
async fn first<F: Future + Unpin>(mut all: Vec<F>) -> F::Output {
    std::future::poll_fn(move |cx| {
        let ready = all.iter_mut().map(|one| std::pin::Pin::new(one).poll(cx));
        ready.into_iter().find(std::task::Poll::is_ready).unwrap_or(std::task::Poll::Pending)
    })
    .await
}
