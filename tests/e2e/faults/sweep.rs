//! One case over and over: each of its statements meets with each fault once.

use std::collections::BTreeMap;
use std::thread;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::StoreUnavailable;
use gatehouse_persistence::Fault;
use prost::Message;

use super::case::{Case, Verdict};
use super::ground::Ground;
use super::scene::Scene;
use super::state::{Camera, EVENTS, SESSIONS, State, verdict};
use crate::reasons::contract::Method;
use gatehouse_tests::{Answer, SignInExt};

/// More than any call runs.
const MOST_STATEMENTS: usize = 100;

/// What has been done, and what went wrong.
#[derive(Default)]
pub struct Tally {
    pub cases: usize,
    pub faults: usize,
    /// Answers to calls that met with a fault, by what they were.
    pub answers: BTreeMap<&'static str, usize>,
    pub wrong: Vec<String>,
}

/// What the call does where nothing goes wrong.
struct Clean {
    before: State,
    after: State,
    /// How many it runs.
    statements: usize,
}

/// How far a call came that met with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    Charge,
    End,
}

/// Tells which run it was that panics.
struct Context(String);

impl Drop for Context {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("in {}", self.0);
        }
    }
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.faults += other.faults;
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }

    /// Fails every statement of one case.
    pub async fn of(case: &Case, method: &Method, ground: &Ground) -> Self {
        let mut tally = Self { cases: 1, ..Self::default() };
        tally.sweep(case, method, ground).await;
        tally
    }

    async fn sweep(&mut self, case: &Case, method: &Method, ground: &Ground) {
        let context = Context(format!("{}, without a fault", case.title()));
        let scene = Scene::new(case, method, ground).await;
        let clean = match scene.run_clean().await {
            Ok(clean) => clean,
            Err(wrong) => return self.wrong.push(format!("{}: {wrong}", context.0)),
        };
        for fault in [Fault::Refused, Fault::AnswerLost] {
            let mut unchanged = None;
            let mut followed = Vec::new();
            let mut furthest = Reached::Nothing;
            for n in 1.. {
                assert!(n < MOST_STATEMENTS, "{} does not end", case.title());
                let context = Context(format!("{}, statement {n} {fault:?}", case.title()));
                let scene = match unchanged.take() {
                    Some(scene) => scene,
                    None => Scene::new(case, method, ground).await,
                };
                if n == 1 {
                    let difference = scene.look().await.difference(&clean.before);
                    assert!(difference.is_empty(), "it is prepared in another way:{difference}");
                }
                let (met, came_to, reached) = self.meet(&scene, &clean, n, fault).await;
                let reached = reached.and_then(|reached| {
                    if came_to == Some(StoreUnavailable) {
                        if reached < furthest {
                            return Err(format!("{furthest:?} was reached by fewer statements"));
                        }
                        furthest = reached;
                    }
                    Ok(reached)
                });
                let went_on = match reached {
                    // What a fault has left as it was serves for the next one too, but for
                    // once: what it left all the same shows there, and in the last call.
                    Ok(Reached::Nothing) if !clean.has_effect() => {
                        let again = scene.call_again(&clean, Reached::Nothing).await.map(drop);
                        unchanged = Some(scene);
                        again
                    }
                    Ok(Reached::Nothing)
                        if followed.contains(&Reached::Nothing) || 3 * n < clean.statements =>
                    {
                        unchanged = Some(scene);
                        Ok(())
                    }
                    Ok(reached) if followed.contains(&reached) => {
                        scene.call_again(&clean, reached).await.map(drop)
                    }
                    Ok(reached) => {
                        followed.push(reached);
                        scene.go_on(&clean, reached).await
                    }
                    Err(wrong) => Err(wrong),
                };
                self.wrong.extend(went_on.err().map(|wrong| format!("{}: {wrong}", context.0)));
                if !met {
                    break;
                }
            }
            // Not before it is judged, or together with the verdict.
            if !case.charges.is_empty() && !followed.contains(&Reached::Charge) {
                self.wrong.push(format!("{}, {fault:?}: it is charged too late", case.title()));
            }
        }
    }

    /// Calls while the `n`-th statement is to fail; gives whether there was one, what the
    /// call came to, and how far it came.
    async fn meet(
        &mut self,
        scene: &Scene<'_>,
        clean: &Clean,
        n: usize,
        fault: Fault,
    ) -> (bool, Verdict, Result<Reached, String>) {
        let server = &scene.acme.server;
        let compared = server.password_comparisons();
        server.faults().arm(n, fault);
        let answer = scene.send().await;
        let met = server.faults().disarm();
        let was_compared = server.password_comparisons() > compared;
        let came_to = verdict(&answer);
        if met {
            self.faults += 1;
            *self.answers.entry(word(came_to)).or_default() += 1;
        } else if came_to != scene.case.verdict {
            return (met, came_to, Err(format!("it answered {} without a fault", word(came_to))));
        }
        let reached = scene.reached(clean, &scene.look().await, came_to);
        if reached == Ok(Reached::Nothing) && was_compared && !scene.case.charges.is_empty() {
            return (met, came_to, Err("a guess was free".to_owned()));
        }
        let checked = scene.check_session(clean, &answer).await;
        (met, came_to, checked.and(reached))
    }
}

impl Clean {
    fn has_effect(&self) -> bool {
        self.after != self.before
    }
}

impl Scene<'_> {
    async fn look(&self) -> State {
        let Self { case, acme, prepared, at, .. } = self;
        Camera { case, acme, prepared, at: *at }.take().await
    }

    /// Without a fault, to compare with; then again, and what is to follow.
    async fn run_clean(&self) -> Result<Clean, String> {
        let case = self.case;
        let before = self.look().await;
        let faults = self.acme.server.faults();
        faults.arm(usize::MAX, Fault::Refused);
        let answer = self.send().await;
        let statements = faults.statements();
        assert!(!faults.disarm(), "there is no such statement");
        let after = self.look().await;
        let came_to = verdict(&answer);
        let events = after.get(EVENTS).lines();
        let mut types: Vec<_> = events.map(|event| event.split(' ').next().unwrap()).collect();
        types.sort_unstable();
        let mut leaves = case.leaves.to_vec();
        leaves.sort_unstable();
        if came_to != case.verdict || types != leaves || !before.get(EVENTS).is_empty() {
            return Err(format!("it came to {} and left {types:?}", word(came_to)));
        }
        let clean = Clean { before, after, statements };
        self.check_session(&clean, &answer).await?;
        self.go_on(&clean, Reached::End).await?;
        Ok(clean)
    }

    /// How far the call came, if that and its answer are such as may be.
    fn reached(&self, clean: &Clean, after: &State, came_to: Verdict) -> Result<Reached, String> {
        let to_start = after.difference(&clean.before);
        let to_end = after.difference(&clean.after);
        if came_to == self.case.verdict {
            let is_unnoted = self.case.only_notes && to_start.is_empty();
            if !to_end.is_empty() && !is_unnoted {
                return Err(format!(
                    "it answered {}, as it should, but left{to_end}",
                    word(came_to)
                ));
            }
        } else if came_to != Some(StoreUnavailable) {
            return Err(format!("it answered {}", word(came_to)));
        }
        let charged = clean.before.clone().charged(self.case.charges);
        if to_start.is_empty() {
            Ok(Reached::Nothing)
        } else if to_end.is_empty() {
            Ok(Reached::End)
        } else if after.difference(&charged).is_empty() {
            Ok(Reached::Charge)
        } else {
            Err(format!("it is half done: as it was, but{to_start}\n  as it is to be, but{to_end}"))
        }
    }

    /// A session in an answer lives, and is as strong as the list says.
    async fn check_session(&self, clean: &Clean, answer: &Answer<Vec<u8>>) -> Result<(), String> {
        let Some(issued) = issued(self.method, answer) else { return Ok(()) };
        let valid = self.acme.web.validate(&issued.token).await;
        let valid = valid.map_err(|_| "the session that it answered does not live")?;
        let (valid, told) = (valid.session.unwrap(), issued.session.unwrap());
        let listed = format!("{} of 0 ", told.assurance().as_str_name());
        let is_listed = clean.after.get(SESSIONS).lines().any(|line| line.starts_with(&listed));
        if (valid.name, valid.assurance) == (told.name, told.assurance) && is_listed {
            Ok(())
        } else {
            Err("the session that it answered is another than the one that lives".to_owned())
        }
    }

    /// The same call again, without a fault.
    async fn call_again(&self, clean: &Clean, reached: Reached) -> Result<Vec<u8>, String> {
        let case = self.case;
        let answer = self.send().await;
        let expected = match reached {
            Reached::End if clean.has_effect() => case.once_done,
            Reached::Charge => case.once_charged,
            Reached::End | Reached::Nothing => case.verdict,
        };
        let came_to = verdict(&answer);
        if came_to == expected {
            Ok(answer.unwrap_or_default())
        } else {
            Err(format!("{reached:?} reached, the next call came to {}", word(came_to)))
        }
    }

    /// The same call again without a fault, what it leaves, and what is to follow.
    async fn go_on(&self, clean: &Clean, reached: Reached) -> Result<(), String> {
        let case = self.case;
        let answer = self.call_again(clean, reached).await?;
        let after = self.look().await;
        let is_right = match reached {
            // The charge that was left stays, for nobody knows how it was judged.
            Reached::Charge if case.once_charged == case.verdict => {
                let left = clean.after.clone().charged(case.charges);
                after.difference(&left).is_empty()
            }
            Reached::Charge => true,
            Reached::End => after.get(SESSIONS) == clean.after.get(SESSIONS),
            Reached::Nothing => after.difference(&clean.after).is_empty(),
        };
        if !is_right {
            let difference = after.difference(&clean.after);
            return Err(format!("{reached:?} reached, the next call left{difference}"));
        }
        if let Some(then) = case.then {
            then(&self.acme, &self.prepared, &answer).await;
        }
        Ok(())
    }
}

fn word(verdict: Verdict) -> &'static str {
    verdict.map_or("OK", |reason| reason.as_str_name().trim_start_matches("ERROR_REASON_"))
}

/// The session in an answer of a method that can issue one.
fn issued(method: &Method, answer: &Answer<Vec<u8>>) -> Option<v1::IssuedSession> {
    // Their answers are one message by four names.
    const ISSUING: [&str; 4] =
        ["VerifyPassword", "VerifySecondFactor", "AcceptInvitation", "FinishSignIn"];
    let answer = answer.as_ref().ok().filter(|_| ISSUING.contains(&method.name.as_str()))?;
    let answer = v1::VerifyPasswordResponse::decode(answer.as_slice()).unwrap();
    answer.sign_in.filter(|sign_in| sign_in.step() == "session").map(SignInExt::issued)
}
