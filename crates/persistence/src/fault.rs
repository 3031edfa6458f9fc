//! Faults of the database on request, for tests: the n-th statement fails, or takes
//! effect and its answer is lost. Without the feature `fault-injection` there is
//! nothing here but the call of a function that does nothing.

use std::future::Future;

use sea_orm::DbErr;

#[cfg(feature = "fault-injection")]
pub use self::injection::{Fault, Faults};

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
}

#[cfg(feature = "fault-injection")]
mod injection {
    use std::sync::{Arc, Mutex, PoisonError};

    use sea_orm::RuntimeErr;

    use super::{DbErr, Future};

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
    pub struct Faults(Arc<Mutex<Plan>>);

    #[derive(Debug, Default)]
    struct Plan {
        /// Statements since the last [`Faults::arm`].
        seen: usize,
        /// Which of them, counted from 1, meets with what.
        next: Option<(usize, Fault)>,
    }

    impl Faults {
        /// The `n`-th statement from now on, counted from 1, meets with `fault`.
        pub fn arm(&self, n: usize, fault: Fault) {
            *self.plan() = Plan { seen: 0, next: Some((n, fault)) };
        }

        /// Nothing more happens. Gives whether the fault was met with.
        #[must_use]
        pub fn disarm(&self) -> bool {
            let mut plan = self.plan();
            let met = plan.next.is_some_and(|(n, _)| plan.seen >= n);
            plan.next = None;
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
            match self.next() {
                None => statement.await,
                Some(Fault::Refused) => Err(lost()),
                Some(Fault::AnswerLost) => statement.await.and(Err(lost())),
            }
        }

        fn next(&self) -> Option<Fault> {
            let mut plan = self.plan();
            plan.seen += 1;
            plan.next.filter(|(n, _)| *n == plan.seen).map(|(_, fault)| fault)
        }

        fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    fn lost() -> DbErr {
        DbErr::Conn(RuntimeErr::Internal("a fault on request".to_owned()))
    }
}
