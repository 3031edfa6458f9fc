use std::sync::Arc;

use gatehouse_persistence::{Store, StoreError, Tx};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs `count` tasks that begin at the same moment; gives what they gave, in any order.
pub async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, task) = (start.clone(), task(number));
        tasks.spawn(async move {
            start.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

/// Makes `attempt` in 64 transactions at once; gives how many won.
pub async fn race<F>(
    store: &Arc<Store>,
    attempt: impl Fn(Tx) -> F + Copy + Send + Sync + 'static,
) -> usize
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    let results = at_once(64, |_| {
        let store = store.clone();
        async move { again!(async { attempt(store.begin().await?).await }.await) }
    });
    results.await.into_iter().filter(|result| *result.as_ref().unwrap()).count()
}
