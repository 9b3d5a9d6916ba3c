//! What is answered.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

use super::Shared;
use super::connection::{AnswerDue, Serving, Stream};
use super::exposition;
use super::guard::{Guard, Refusal};
use crate::figures::Figures;

/// How long the loop has to answer; nothing in it waits, so that it does within a turn.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a request's head at most; hyper has no lower bound.
const HEAD_BYTES_MAX: usize = 8192;
/// Headers of a request at most.
const HEADERS_MAX: usize = 64;
/// The media type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// Serves a client: one request, and the end.
pub(super) fn serve(stream: Stream, guard: Guard, shared: Arc<Shared>, answer_due: AnswerDue) -> Serving {
    let respond = service_fn(move |request| {
        let (guard, shared, answer_due) = (guard.clone(), shared.clone(), answer_due.clone());
        async move { Ok::<_, Infallible>(respond(&request, &guard, &shared, &answer_due).await) }
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

async fn respond(
    request: &Request<Incoming>,
    guard: &Guard,
    shared: &Shared,
    answer_due: &AnswerDue,
) -> Response<String> {
    if let Err(refusal) = check(request, guard) {
        return refused(refusal);
    }
    type Answer = fn(&Figures) -> Response<String>;
    let answer: Answer = match request.uri().path() {
        "/metrics" => |figures| text(StatusCode::OK, METRICS_TYPE, exposition::text(figures)),
        // That the loop has answered is all that there is to say.
        "/healthz" => |_| text(StatusCode::OK, TEXT_TYPE, "ok\n".into()),
        "/readyz" => ready,
        _ => return text(StatusCode::NOT_FOUND, TEXT_TYPE, "there are /metrics, /healthz and /readyz\n".into()),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, TEXT_TYPE, "only GET and HEAD are served\n".into());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let ticket = shared.board.ask();
    let until = Instant::now() + ANSWER_TIMEOUT;
    answer_due.set(Some(until));
    let figures = poll_fn(|_| match shared.board.answer(ticket) {
        Some(figures) => Poll::Ready(Some(figures)),
        None if until <= Instant::now() => Poll::Ready(None),
        None => Poll::Pending,
    });
    let figures = figures.await;
    answer_due.set(None);
    match figures {
        Some(figures) => answer(&figures),
        None => {
            let told = format!("the loop has not answered for {} s\n", ANSWER_TIMEOUT.as_secs());
            text(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, told)
        }
    }
}

/// By every name that the request came by: an address in its first line counts as much as a `Host`.
fn check(request: &Request<Incoming>, guard: &Guard) -> Result<(), Refusal> {
    let headers = request.headers();
    let hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let hosts: Vec<&str> = hosts.chain(request.uri().authority().map(|authority| authority.as_str())).collect();
    guard.check(&hosts, headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn refused(refusal: Refusal) -> Response<String> {
    match refusal {
        Refusal::Host => {
            let told = "this name is none of linkhook's: ask by the address that it listens at, or by localhost\n";
            text(StatusCode::FORBIDDEN, TEXT_TYPE, told.into())
        }
        Refusal::Token => {
            let told = "a token is needed: Authorization: Bearer TOKEN\n";
            let mut response = text(StatusCode::UNAUTHORIZED, TEXT_TYPE, told.into());
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn ready(figures: &Figures) -> Response<String> {
    if figures.obstacles.is_empty() {
        return text(StatusCode::OK, TEXT_TYPE, "ready\n".into());
    }
    let told = figures.obstacles.iter().map(|obstacle| format!("not ready: {obstacle}\n")).collect();
    text(StatusCode::SERVICE_UNAVAILABLE, TEXT_TYPE, told)
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
