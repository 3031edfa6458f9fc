//! Faults of the database on request, for tests: the n-th statement fails, or takes
//! effect and its answer is lost, or waits before it is sent; or a transaction waits before
//! it begins. And what was sent, for tests that count it. Without the feature `fault-injection` there is nothing
//! here but calls that do nothing.

use std::future::Future;

use sea_orm::{DbErr, Statement};

#[cfg(feature = "fault-injection")]
pub use self::injection::{Fault, Faults, Held};

/// No faults.
#[cfg(not(feature = "fault-injection"))]
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(());

#[cfg(not(feature = "fault-injection"))]
impl Faults {
    pub(crate) async fn interfere<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        statement.await
    }

    #[expect(clippy::unused_async, reason = "with faults it waits")]
    pub(crate) async fn before_transaction(&self) {}

    pub(crate) fn note_begin(&self) -> Self {
        self.clone()
    }

    #[expect(clippy::unused_self, reason = "with a record it is noted")]
    pub(crate) fn note(&self, _: &Statement, _: u64) {}

    #[expect(clippy::unused_self, reason = "with a record it is noted")]
    pub(crate) fn note_commit(&self) {}
}

#[cfg(feature = "fault-injection")]
mod injection {
    use std::sync::{Arc, Mutex, PoisonError};

    use sea_orm::RuntimeErr;
    use tokio::sync::oneshot;

    use super::{DbErr, Future, Statement};
    use crate::record::Sent;

    /// What happens to a statement.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// It does not reach the database.
        Refused,
        /// It takes effect, and its answer is lost.
        AnswerLost,
    }

    /// The faults of one store, shared by its clones. Beginnings and ends of
    /// transactions count as statements.
    #[derive(Clone, Debug, Default)]
    pub struct Faults {
        plan: Arc<Mutex<Plan>>,
        /// The number of the transaction that this is the clone of.
        transaction: Option<usize>,
    }

    #[derive(Debug, Default)]
    struct Plan {
        /// Statements since the last [`Faults::arm`].
        seen: usize,
        /// Which of them, counted from 1, meets with what.
        next: Option<(usize, Fault)>,
        /// Which of them says that it is there and waits.
        held_statement: Option<Hold>,
        /// Transactions since the last [`Faults::hold`].
        begun: usize,
        /// Which of them says that it is there and waits.
        held: Option<Hold>,
        /// Transactions that there have been.
        transactions: usize,
        /// What has been sent since the last [`Faults::record`], if it is to be known.
        record: Option<Vec<Sent>>,
    }

    /// A transaction that is held before it begins, or a statement before it is sent,
    /// until this is dropped.
    #[derive(Debug)]
    pub struct Held {
        there: oneshot::Receiver<()>,
        _go_on: oneshot::Sender<()>,
    }

    impl Held {
        /// Waits until it would begin. False if it never will: another hold took the place
        /// of this one.
        #[must_use]
        pub async fn is_there(&mut self) -> bool {
            (&mut self.there).await.is_ok()
        }
    }

    /// The other end of a [`Held`].
    #[derive(Debug)]
    struct Hold {
        /// Whose it is, counted from 1.
        number: usize,
        there: oneshot::Sender<()>,
        go_on: oneshot::Receiver<()>,
    }

    impl Hold {
        fn new(number: usize) -> (Self, Held) {
            let ((there, seen), (go_on, wait)) = (oneshot::channel(), oneshot::channel());
            (Self { number, there, go_on: wait }, Held { there: seen, _go_on: go_on })
        }

        async fn wait(self) {
            self.there.send(()).ok();
            self.go_on.await.ok();
        }
    }

    impl Faults {
        /// The `n`-th transaction from now on, counted from 1, does not begin before what is
        /// given is dropped: what others do until then, it finds.
        #[must_use]
        pub fn hold(&self, n: usize) -> Held {
            let (other_end, held) = Hold::new(n);
            let mut plan = self.plan();
            plan.begun = 0;
            plan.held = Some(other_end);
            held
        }

        /// The `n`-th statement from now on, counted from 1, is not sent before what is given
        /// is dropped: as on a connection that hangs.
        #[must_use]
        pub fn hold_statement(&self, n: usize) -> Held {
            let (other_end, held) = Hold::new(n);
            let mut plan = self.plan();
            plan.seen = 0;
            plan.held_statement = Some(other_end);
            held
        }

        pub(crate) async fn before_transaction(&self) {
            let held = {
                let mut plan = self.plan();
                plan.begun += 1;
                let begun = plan.begun;
                plan.held.take_if(|hold| hold.number == begun)
            };
            if let Some(hold) = held {
                hold.wait().await;
            }
        }

        /// The `n`-th statement from now on, counted from 1, meets with `fault`.
        pub fn arm(&self, n: usize, fault: Fault) {
            let mut plan = self.plan();
            plan.seen = 0;
            plan.next = Some((n, fault));
        }

        /// Nothing more happens. Gives whether the fault was met with.
        #[must_use]
        pub fn disarm(&self) -> bool {
            let mut plan = self.plan();
            let met = plan.next.is_some_and(|(n, _)| plan.seen >= n);
            plan.next = None;
            plan.held = None;
            plan.held_statement = None;
            met
        }

        /// Statements since the last [`Self::arm`].
        #[must_use]
        pub fn statements(&self) -> usize {
            self.plan().seen
        }

        pub(crate) async fn interfere<T>(
            &self,
            statement: impl Future<Output = Result<T, DbErr>>,
        ) -> Result<T, DbErr> {
            let (fault, held) = self.next();
            if let Some(hold) = held {
                hold.wait().await;
            }
            match fault {
                None => statement.await,
                Some(Fault::Refused) => Err(lost()),
                Some(Fault::AnswerLost) => statement.await.and(Err(lost())),
            }
        }

        fn next(&self) -> (Option<Fault>, Option<Hold>) {
            let mut plan = self.plan();
            plan.seen += 1;
            let seen = plan.seen;
            let fault = plan.next.filter(|(n, _)| *n == seen).map(|(_, fault)| fault);
            (fault, plan.held_statement.take_if(|hold| hold.number == seen))
        }

        /// From now on what is sent to the database is noted.
        pub fn record(&self) {
            self.plan().record = Some(Vec::new());
        }

        /// Ends that; gives what was sent and answered without an error, in its order.
        #[must_use]
        pub fn take_record(&self) -> Vec<Sent> {
            self.plan().record.take().unwrap_or_default()
        }

        /// A transaction has begun, whose own this is from now on.
        pub(crate) fn note_begin(&self) -> Self {
            let mut plan = self.plan();
            plan.transactions += 1;
            let transaction = plan.transactions;
            if let Some(record) = &mut plan.record {
                record.push(Sent::Begin { transaction });
            }
            Self { plan: Arc::clone(&self.plan), transaction: Some(transaction) }
        }

        /// A statement has been answered, having changed so many rows, if it changes any.
        pub(crate) fn note(&self, statement: &Statement, rows: u64) {
            if let Some(record) = &mut self.plan().record {
                record.push(Sent::statement(self.transaction, statement, rows));
            }
        }

        pub(crate) fn note_commit(&self) {
            let Some(transaction) = self.transaction else { return };
            if let Some(record) = &mut self.plan().record {
                record.push(Sent::Commit { transaction });
            }
        }

        fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
            self.plan.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    fn lost() -> DbErr {
        DbErr::Conn(RuntimeErr::Internal("a fault on request".to_owned()))
    }
}
