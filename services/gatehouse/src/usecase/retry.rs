//! Another try for transactions that collided.

use std::time::Duration;

use rand::RngExt;

use crate::app::App;
use crate::error::AppError;

/// Tries at most, within about a second. Collisions are rare where rows are locked in
/// one order, and less so on databases whose transactions are serializable.
const TRIES: u32 = 8;
/// The longest wait before the second try; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Runs `transaction` from its beginning until it does not collide with another
/// one any more (SQLSTATE 40001 or 40P01), a few times at most. It must have no
/// effect but its own commit.
pub(super) async fn retry<T, F>(
    app: &App,
    mut transaction: impl FnMut() -> F,
) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    let mut longest = FIRST_WAIT;
    for _ in 1..TRIES {
        match transaction().await {
            Err(AppError::Collided(_)) => {
                // Full jitter: those who collided must not meet again.
                let wait = longest.mul_f64(app.entropy.rng().random::<f64>());
                tokio::time::sleep(wait).await;
                longest *= 2;
            }
            result => return result,
        }
    }
    transaction().await
}
