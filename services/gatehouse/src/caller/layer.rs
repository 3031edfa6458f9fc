//! Authorizes a call before tonic decodes it: an unauthorized caller learns
//! nothing about the validity of its fields.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use gatehouse_domain::api_key::{ApiKey, Grant};
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind, Token, TokenKind};
use gatehouse_persistence::{Authenticated, Presented};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::lookups::Lookups;
use super::{Asked, Caller, Identity, peek, refusals, rule};
use crate::app::App;
use crate::error::AppError;
use crate::layer::RequestId;
use crate::traces;

type Request = http::Request<Body>;
pub(super) type Response = http::Response<Body>;

/// The metadata key of the person that an administrator's tool acts for.
const ACTOR_HEADER: &str = "x-gatehouse-actor";
const MAX_ACTOR_BYTES: usize = 200;

/// Who is at the other end of a connection. In the extensions of every request.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Wraps the services of the contract.
#[derive(Clone)]
pub struct AuthorizationLayer(Arc<App>);

impl AuthorizationLayer {
    /// With the keys that `app` knows.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self(app)
    }
}

impl<S> Layer<S> for AuthorizationLayer {
    type Service = AuthorizationService<S>;

    fn layer(&self, inner: S) -> AuthorizationService<S> {
        AuthorizationService { inner, app: Arc::clone(&self.0) }
    }
}

/// A service with an [`AuthorizationLayer`] around it.
#[derive(Clone)]
pub struct AuthorizationService<S> {
    inner: S,
    app: Arc<App>,
}

impl<S> Service<Request> for AuthorizationService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let app = Arc::clone(&self.app);
        // The one that was polled ready, not its clone.
        let unpolled = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, unpolled);
        let mut credentials = Credentials::of(&request);
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            if let Some(find) = peek::worth_it(&path).filter(|_| credentials.token.is_some()) {
                let (parts, body) = request.into_parts();
                let (token, body) = peek::session_token(body, find).await;
                credentials.session = token;
                request = Request::from_parts(parts, body);
            }
            let (caller, verdict) = match credentials.authorize(&app, &path).await {
                Ok(known) => known,
                Err(error) => {
                    if matches!(error, AppError::ApiKeyInvalid) {
                        // Not recorded: anybody could fill the trail.
                        app.calls_without_key.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(Status::from(error).into_http());
                }
            };
            let response = match verdict {
                Ok(()) => {
                    request.extensions_mut().insert(caller.clone());
                    inner.call(request).await?
                }
                Err(error) => Status::from(error).into_http(),
            };
            Ok(refusals::record(&app, &caller, &path, response).await)
        })
    }
}

/// What a request says of its caller, apart from its body, which cannot be
/// shared between threads.
struct Credentials {
    token: Option<Token>,
    /// Of the session that the call asks about, where it is read together with the key.
    session: Option<Token>,
    actor: Result<String, AppError>,
    peer: Option<Peer>,
    request_id: String,
}

impl Credentials {
    fn of(request: &Request) -> Self {
        let request_id = request.extensions().get::<RequestId>();
        Self {
            token: bearer(request.headers()),
            session: None,
            actor: actor(request.headers()),
            peer: request.extensions().get().copied(),
            request_id: request_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        }
    }

    /// Who calls, and whether they may call the method at `path` at all.
    async fn authorize(
        self,
        app: &Arc<App>,
        path: &str,
    ) -> Result<(Caller, Result<(), AppError>), AppError> {
        let token = self.token.ok_or(AppError::ApiKeyInvalid)?;
        let Live { found, primary, now } = find_live(app, &token, self.session.as_ref()).await?;
        let Authenticated { key, portal, session, session_is_corrupt } = found;

        if let Some(portal) = key.grant.portal() {
            traces::note_portal(portal);
        }
        let verdict = match rule(path) {
            None => Err(AppError::Unimplemented),
            Some(rule) if !rule.allows(&key.grant) => Err(AppError::ApiKeyScope),
            Some(_) => {
                if let Some(digest) = &primary {
                    touch(app, &key, digest, now).await;
                }
                Ok(())
            }
        };
        let (claimed_actor, verdict) = match self.actor {
            // A portal acts for its customers, whom fields name.
            _ if matches!(key.grant, Grant::Portal(_)) => (String::new(), verdict),
            Ok(actor) => (actor, verdict),
            Err(error) => (String::new(), verdict.and(Err(error))),
        };
        let caller = Caller(Arc::new(Identity {
            key,
            token,
            portal,
            // Once it is clear who asks, the handler finds it corrupt.
            session: self
                .session
                .filter(|_| !session_is_corrupt)
                .map(|token| Asked { token, found: session }),
            claimed_actor,
            address: self.peer.map(|Peer(address)| address),
            request_id: self.request_id,
            asked_portal: OnceLock::new(),
            is_preview: AtomicBool::new(false),
        }));
        Ok((caller, verdict))
    }
}

/// A key that is live.
struct Live {
    found: Authenticated,
    /// Its digest by the ring's primary key.
    primary: Option<Digest>,
    /// When it was.
    now: Timestamp,
}

/// The key that `token` is of, with the session that is asked about.
async fn find_live(
    app: &Arc<App>,
    token: &Token,
    session: Option<&Token>,
) -> Result<Live, AppError> {
    app.database_watch.require_keys()?;
    let vault = app.vault();
    let digests = |kind, token: &Token| vault.digests(kind, token.expose().as_bytes());
    let presented = Presented {
        key: digests(DigestKind::ApiKey, token),
        session: session.map_or_else(Vec::new, |token| digests(DigestKind::Session, token)),
    };
    let primary = presented.key.first().cloned();
    let began = Instant::now();
    let found = Lookups::find(app, presented).await;
    traces::look_up(began.elapsed());
    let found = found?.ok_or(AppError::ApiKeyInvalid)?;
    let now = app.database_watch.agreed_now(&app.clock)?;
    let (key, portal) = (&found.key, &found.portal);
    // A portal's key goes with its portal.
    if !key.is_live(now) || portal.is_some() != key.grant.portal().is_some() {
        return Err(AppError::ApiKeyInvalid);
    }
    Ok(Live { found, primary, now })
}

impl Caller {
    /// Looks again whether the key is good for what it was let through for: a call that has
    /// no end outlives what was known at its beginning.
    ///
    /// # Errors
    /// [`AppError::ApiKeyInvalid`], [`AppError::ApiKeyScope`] for one that may not do the same
    /// any more, and [`AppError::StoreUnavailable`].
    pub async fn look_again(&self, app: &Arc<App>) -> Result<(), AppError> {
        let Live { found, .. } = find_live(app, &self.0.token, None).await?;
        if found.key.grant == self.0.key.grant { Ok(()) } else { Err(AppError::ApiKeyScope) }
    }
}

/// Writes that the key was used, under the digest by the ring's primary key.
async fn touch(app: &App, key: &ApiKey, digest: &Digest, now: Timestamp) {
    if key.use_is_due(now)
        && let Err(error) = app.store.touch_api_key(key.id, digest, now).await
    {
        // Only said to people: no reason to refuse the call.
        tracing::warn!(%error, "the use of an API key was not written");
    }
}

/// The key of a request that carries exactly one: with two, a proxy and this
/// server could each believe another.
fn bearer(headers: &HeaderMap) -> Option<Token> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    // RFC 9110, section 11.1: a scheme is matched without regard to case.
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parse = |kind| Token::parse(kind, token).ok();
    parse(TokenKind::AdminKey).or_else(|| parse(TokenKind::PortalKey))
}

fn actor(headers: &HeaderMap) -> Result<String, AppError> {
    let mut all = headers.get_all(ACTOR_HEADER).iter();
    let actor = all.next().map_or(Ok(""), HeaderValue::to_str);
    match (actor, all.next()) {
        (Ok(actor), None) if actor.len() <= MAX_ACTOR_BYTES => Ok(actor.to_owned()),
        _ => {
            let rule = "once, at most 200 printable ASCII characters";
            Err(FieldViolation::new(ACTOR_HEADER, rule).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "gha_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn key(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        bearer(&headers).map(|token| token.expose().to_owned())
    }

    #[test]
    fn takes_one_bearer_token_in_any_case_of_the_scheme() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(key(&[&format!("{scheme} {TOKEN}")]).as_deref(), Some(TOKEN));
        }
    }

    #[test]
    fn takes_nothing_else() {
        let good = format!("Bearer {TOKEN}");
        assert_eq!(key(&[]), None);
        assert_eq!(key(&[&good, &good]), None, "two headers");
        for bad in [
            TOKEN.to_owned(),
            format!("Basic {TOKEN}"),
            format!("Bearer  {TOKEN}"),
            format!("Bearer {TOKEN} "),
            format!("Bearer {}", TOKEN.replace("gha_", "ghs_")),
            format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]),
            format!("Bearer {TOKEN}A"),
        ] {
            assert_eq!(key(&[&bad]), None, "{bad}");
        }
    }

    #[test]
    fn an_actor_is_short_and_printable() {
        let actor = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(ACTOR_HEADER, HeaderValue::from_bytes(value).unwrap());
            actor(&headers)
        };
        assert_eq!(actor(b"ana@example.com").unwrap(), "ana@example.com");
        assert!(actor(&[b'a'; MAX_ACTOR_BYTES]).is_ok());
        let mut twice = HeaderMap::new();
        for value in ["ana", "eve"] {
            twice.append(ACTOR_HEADER, HeaderValue::from_static(value));
        }
        assert!(matches!(super::actor(&twice), Err(AppError::RequestInvalid(_))));
        for bad in [&[b'a'; MAX_ACTOR_BYTES + 1][..], b"\xff"] {
            assert!(matches!(actor(bad), Err(AppError::RequestInvalid(_))));
        }
    }
}
