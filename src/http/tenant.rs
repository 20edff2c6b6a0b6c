//! Whose data a request is about.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use gantry_model::TenantId;

/// The tenant that an authentication layer put into the request's extensions, else the header `X-Scope-OrgID`, else the
/// default tenant.
#[derive(Clone, Debug)]
pub struct Tenant(pub TenantId);

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if let Some(tenant) = parts.extensions.get::<TenantId>() {
            return Ok(Tenant(tenant.clone()));
        }
        let Some(name) = parts.headers.get("x-scope-orgid") else { return Ok(Tenant(TenantId::default_tenant())) };
        let named = TenantId::new(&String::from_utf8_lossy(name.as_bytes()));
        named.map(Tenant).map_err(|wrong| (StatusCode::BAD_REQUEST, format!("{wrong}\n")))
    }
}

impl Tenant {
    /// # Errors
    /// 403 for tenants that only Gantry itself writes.
    pub fn writable(self) -> Result<TenantId, (StatusCode, String)> {
        if self.0.is_reserved() {
            let text = format!("tenant {} is reserved: names that start with '_' are read-only for clients\n", self.0);
            return Err((StatusCode::FORBIDDEN, text));
        }
        Ok(self.0)
    }
}
