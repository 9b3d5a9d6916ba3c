//! What is answered.

use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

use super::Shared;
use super::connection::{Serving, Stream, Waiting};
use super::events::{self, Framing};
use super::exposition;
use super::guard::{Guard, Refusal};
use super::making;
use super::page;
use super::pipe::{AnswerBody, Begun, MadeBody, Pipe};
use super::query::{EVENTS_KEYS, Query, STATE_KEYS};
use super::{state, status};
use crate::error::Result;
use crate::figures::Figures;

/// How long the loop has to answer; nothing in it waits, so that it does within a turn.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a request's head at most; hyper has no lower bound.
const HEAD_BYTES_MAX: usize = 8192;
/// Headers of a request at most.
const HEADERS_MAX: usize = 64;
/// The media type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What a reader of Server-Sent Events says that comes back (WHATWG HTML, 9.2).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// What a browser says of where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const HTML_TYPE: &str = "text/html; charset=utf-8";
const JSON_TYPE: &str = "application/json";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

type Answer = Response<AnswerBody>;
/// Makes an answer, in a thread of its own.
type Make = Box<dyn FnOnce(&Arc<Shared>, &Arc<Pipe>) -> Result<()> + Send>;

/// Of what an answer is made.
enum Told {
    /// Of nothing: it is always the same.
    Fixed(fn() -> Answer),
    /// Of the loop's figures.
    Figures(fn(&Figures, &Shared) -> Answer),
    /// By a thread, of what the request says.
    Made(fn(&Request<Incoming>) -> Result<Make>),
}

/// What there is.
const PATHS: &[(&str, Told)] = &[
    ("/", Told::Fixed(page)),
    ("/events", Told::Made(events)),
    ("/state", Told::Made(state)),
    (
        "/status",
        Told::Figures(|figures, shared| {
            text(StatusCode::OK, JSON_TYPE, status::text(figures, &shared.sources, &shared.timeline))
        }),
    ),
    ("/metrics", Told::Figures(|figures, _| text(StatusCode::OK, METRICS_TYPE, exposition::text(figures)))),
    // That the loop has answered is all that there is to say.
    ("/healthz", Told::Figures(|_, _| text(StatusCode::OK, TEXT_TYPE, "ok\n".into()))),
    ("/readyz", Told::Figures(|figures, _| ready(figures))),
];

/// Serves a client: one request, and the end.
pub(super) fn serve(stream: Stream, guard: Guard, shared: Arc<Shared>, waiting: Rc<Waiting>) -> Serving {
    let respond = service_fn(move |request| {
        let (guard, shared, waiting) = (guard.clone(), shared.clone(), waiting.clone());
        async move { Ok::<_, Infallible>(respond(&request, &guard, &shared, &waiting).await) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .header_read_timeout(None::<Duration>)
        .serve_connection(stream, respond);
    Box::pin(async {
        if let Err(error) = connection.await {
            log::debug!("http: a connection has ended: {error}");
        }
    })
}

async fn respond(request: &Request<Incoming>, guard: &Guard, shared: &Arc<Shared>, waiting: &Waiting) -> Answer {
    let path = request.uri().path();
    if let Err(refusal) = check(request, guard, path == "/") {
        return refused(refusal);
    }
    let Some((_, told)) = PATHS.iter().find(|(known, _)| *known == path) else {
        let paths: Vec<&str> = PATHS.iter().map(|(path, _)| *path).collect();
        return text(StatusCode::NOT_FOUND, TEXT_TYPE, format!("there are {}\n", paths.join(", ")));
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, TEXT_TYPE, "only GET and HEAD are served\n".into());
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match told {
        Told::Fixed(answer) => answer(),
        Told::Figures(answer) => match figures(shared, waiting).await {
            Some(figures) => answer(&figures, shared),
            None => {
                let told = format!("the loop has not answered for {} s\n", ANSWER_TIMEOUT.as_secs());
                text(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, told)
            }
        },
        Told::Made(make) => match make(request) {
            Ok(make) => made(shared, waiting, make).await,
            Err(error) => text(StatusCode::BAD_REQUEST, TEXT_TYPE, format!("{error}\n")),
        },
    }
}

/// The figures that the loop makes now; `None` where it does not answer.
async fn figures(shared: &Shared, waiting: &Waiting) -> Option<Arc<Figures>> {
    let ticket = shared.board.ask();
    let until = Instant::now() + ANSWER_TIMEOUT;
    waiting.answer_due.set(Some(until));
    let figures = poll_fn(|_| match shared.board.answer(ticket) {
        Some(figures) => Poll::Ready(Some(figures)),
        None if until <= Instant::now() => Poll::Ready(None),
        None => Poll::Pending,
    });
    let figures = figures.await;
    waiting.answer_due.set(None);
    figures
}

/// What a thread makes, once it knows how that begins.
async fn made(shared: &Arc<Shared>, waiting: &Waiting, make: Make) -> Answer {
    let making = match shared.makers.room() {
        Ok(making) => making,
        Err(error) => return text(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, format!("{error}\n")),
    };
    let (wakes, stirs) = (shared.clone(), shared.clone());
    let pipe = Pipe::new(making, move || wakes.wake(), move || stirs.sources.feed.stir());
    // Whenever the connection goes, whoever makes the body knows it.
    let body = MadeBody(pipe.clone());
    *waiting.made.borrow_mut() = Some(pipe.clone());
    let of = shared.clone();
    making::start(&pipe, move |pipe| make(&of, pipe));
    match poll_fn(|_| pipe.take_begun().map_or(Poll::Pending, Poll::Ready)).await {
        Begun::Body(media_type, notes) => {
            let mut answer = with_type(StatusCode::OK, media_type, AnswerBody::Made(body));
            for note in notes.iter().filter_map(|note| HeaderValue::from_str(note).ok()) {
                answer.headers_mut().append("linkhook-note", note);
            }
            answer
        }
        Begun::Refused(status, told) => text(status, TEXT_TYPE, told),
    }
}

/// The page, which tells nothing by itself.
fn page() -> Answer {
    let mut answer = text(StatusCode::OK, HTML_TYPE, page::PAGE.to_owned());
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&page::POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

fn events(request: &Request<Incoming>) -> Result<Make> {
    let mut query = Query::parse(request.uri().query().unwrap_or_default(), &EVENTS_KEYS)?;
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let accepts = accepts(header(ACCEPT).unwrap_or_default(), Framing::Events.media_type());
    let framing = if accepts { Framing::Events } else { Framing::Lines };
    // A browser that comes back says it with the address that it began with.
    if let Some(last) = header(LAST_EVENT_ID) {
        query = query.after_last(last);
    }
    Ok(Box::new(move |shared, pipe| events::make(&query, framing, &shared.sources, pipe)))
}

fn state(request: &Request<Incoming>) -> Result<Make> {
    let query = Query::parse(request.uri().query().unwrap_or_default(), &STATE_KEYS)?;
    Ok(Box::new(move |shared, pipe| state::make(&query, shared, pipe)))
}

/// Whether an `Accept` names a media type, and does not say that it is not wanted (RFC 9110, 12.5.1).
fn accepts(accept: &str, media_type: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let is_unwanted = |part: &str| part.strip_prefix("q=").and_then(|quality| quality.parse().ok()) == Some(0.0);
        is_named && !parts.any(is_unwanted)
    })
}

/// By every name that the request came by: an address in its first line counts as much as a `Host`. What is open tells nothing, and
/// needs no token.
fn check(request: &Request<Incoming>, guard: &Guard, is_open: bool) -> std::result::Result<(), Refusal> {
    let headers = request.headers();
    let hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let hosts: Vec<&str> = hosts.chain(request.uri().authority().map(|authority| authority.as_str())).collect();
    if is_open && guard.asks_for_token() {
        return Ok(());
    }
    // A page of another site can read nothing, and could take readers' places (Fetch Metadata, 2.2).
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    if !is_open && site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Err(Refusal::Site);
    }
    guard.check(&hosts, headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Host => {
            let told = "this name is none of linkhook's: ask by the address that it listens at, or by localhost\n";
            text(StatusCode::FORBIDDEN, TEXT_TYPE, told.into())
        }
        Refusal::Site => text(StatusCode::FORBIDDEN, TEXT_TYPE, "a page of another site is not served\n".into()),
        Refusal::Token => {
            let told = "a token is needed: Authorization: Bearer TOKEN\n";
            let mut response = text(StatusCode::UNAUTHORIZED, TEXT_TYPE, told.into());
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn ready(figures: &Figures) -> Answer {
    if figures.obstacles.is_empty() {
        return text(StatusCode::OK, TEXT_TYPE, "ready\n".into());
    }
    let told = figures.obstacles.iter().map(|obstacle| format!("not ready: {obstacle}\n")).collect();
    text(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, told)
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Answer {
    with_type(status, media_type, body.into())
}

fn with_type(status: StatusCode, media_type: &'static str, body: AnswerBody) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // No browser takes it for something else than it is.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_accepted_where_it_is_named() {
        for accept in ["text/event-stream", "a/b, Text/Event-Stream;q=0.5", "text/event-stream; charset=utf-8"] {
            assert!(accepts(accept, "text/event-stream"), "{accept}");
        }
        for accept in ["", "*/*", "text/event-stream;q=0, application/x-ndjson", "text/event-streams"] {
            assert!(!accepts(accept, "text/event-stream"), "{accept}");
        }
    }
}
