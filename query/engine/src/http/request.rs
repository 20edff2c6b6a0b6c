//! What every handler reads from a request first: tenant, parameters, request id.

use super::error::{Failure, RequestId};
use super::params::Params;
use crate::QueryError;
use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use gantry_model::TenantId;
use std::hash::{BuildHasher, RandomState};

/// Who asks, and how to find the request again in the log.
///
/// The tenant is the one that an authentication layer put into the request's extensions, else the header
/// `X-Scope-OrgID`, else the default tenant.
#[derive(Clone, Debug)]
pub struct Caller {
    pub tenant: TenantId,
    pub request: RequestId,
}

impl Caller {
    pub fn fail(&self, error: impl Into<QueryError>) -> Failure {
        Failure { error: error.into(), request: self.request.clone() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let request = request_id(&parts.headers);
        if let Some(tenant) = parts.extensions.get::<TenantId>() {
            return Ok(Caller { tenant: tenant.clone(), request });
        }
        let named =
            parts.headers.get("x-scope-orgid").map(|name| TenantId::new(&String::from_utf8_lossy(name.as_bytes())));
        match named.transpose() {
            Ok(tenant) => Ok(Caller { tenant: tenant.unwrap_or_else(TenantId::default_tenant), request }),
            Err(error) => Err(Failure { error: QueryError::invalid(error.to_string()), request }),
        }
    }
}

/// The id that the client sent when it is short and plain, else a random number.
fn request_id(headers: &HeaderMap) -> RequestId {
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if let Some(id) = headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(plain) {
        return RequestId(id.into());
    }
    RequestId(format!("{:016x}", RandomState::new().hash_one("request")))
}

/// Caller, parameters and headers of a request of the Loki API, GET or POST form.
#[derive(Debug)]
pub struct Ask {
    pub caller: Caller,
    pub params: Params,
    pub headers: HeaderMap,
}

impl<S: Send + Sync> FromRequest<S> for Ask {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(mut params) = query.map_err(|error| caller.fail(QueryError::invalid(error.body_text())))?;
        let headers = parts.headers.clone();
        if parts.method == Method::POST && headers.get(CONTENT_TYPE).is_some_and(is_form) {
            let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), state).await;
            let Form(form) = form.map_err(|error| caller.fail(QueryError::invalid(error.body_text())))?;
            params.extend(form);
        }
        Ok(Ask { caller, params: Params(params), headers })
    }
}

fn is_form(content_type: &axum::http::HeaderValue) -> bool {
    content_type.as_bytes().starts_with(b"application/x-www-form-urlencoded")
}
