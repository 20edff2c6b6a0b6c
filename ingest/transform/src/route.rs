//! [`Router`]: whose lines they become.

use crate::event::Event;
use crate::invalid::Wrong;
use crate::options::RouteOptions;
use gantry_model::TenantId;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Router {
    by: By,
    map: BTreeMap<String, TenantId>,
}

#[derive(Debug)]
enum By {
    Always(TenantId),
    Label(String),
    Metadata(String),
}

impl Router {
    pub fn new(options: &RouteOptions) -> Result<Self, Wrong> {
        let by = match (&options.tenant, &options.label, &options.metadata) {
            (Some(tenant), None, None) if options.map.is_empty() => By::Always(tenant.clone()),
            (Some(_), None, None) => return Err(Wrong::new("route", "map needs a label or metadata to look up")),
            (None, Some(label), None) => By::Label(label.clone()),
            (None, None, Some(metadata)) => By::Metadata(metadata.clone()),
            _ => return Err(Wrong::new("route", "give exactly one of tenant, label and metadata")),
        };
        let mut targets = options.tenant.iter().chain(options.map.values());
        if let Some(reserved) = targets.find(|tenant| tenant.is_reserved()) {
            return Err(Wrong::new("route", format!("tenant {reserved} is reserved for Gantry itself")));
        }
        Ok(Router { by, map: options.map.clone() })
    }

    /// The tenant; `None`: it stays where it is.
    ///
    /// # Errors
    /// The value is no name of a tenant that may be written to.
    pub fn target(&self, event: &Event<'_>) -> Result<Option<TenantId>, String> {
        let value = match &self.by {
            By::Always(tenant) => return Ok(Some(tenant.clone())),
            By::Label(name) => event.labels.get(name).map(Into::into),
            By::Metadata(name) => event.metadata.get(name),
        };
        match value {
            None => Ok(None),
            Some(value) if self.map.is_empty() => tenant(&value).map(Some),
            Some(value) => Ok(self.map.get(&*value).cloned()),
        }
    }
}

/// A tenant that lines may be written to.
pub(crate) fn tenant(name: &str) -> Result<TenantId, String> {
    let tenant = TenantId::new(name).map_err(|error| error.to_string())?;
    if tenant.is_reserved() {
        return Err(format!("tenant {tenant} is reserved for Gantry itself"));
    }
    Ok(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    fn target(options: &RouteOptions, team: &str) -> Result<Option<String>, String> {
        let mut event = event("x");
        event.labels = gantry_model::LabelSet::from_pairs([("app", "web"), ("team", team)]);
        let found = Router::new(options).unwrap().target(&event)?;
        Ok(found.map(|tenant| tenant.to_string()))
    }

    #[test]
    fn a_label_names_the_tenant_or_is_looked_up() {
        let by_label = RouteOptions { label: Some("team".to_owned()), ..RouteOptions::default() };
        assert_eq!(target(&by_label, "pay").unwrap().as_deref(), Some("pay"));
        assert_eq!(target(&by_label, ""), Ok(None));
        assert!(target(&by_label, "a b").unwrap_err().contains("invalid tenant"));
        assert!(target(&by_label, "_gantry").unwrap_err().contains("reserved"));
        let map = [("pay".to_owned(), TenantId::new("payments").unwrap())].into();
        let mapped = RouteOptions { map, ..by_label };
        assert_eq!(target(&mapped, "pay").unwrap().as_deref(), Some("payments"));
        assert_eq!(target(&mapped, "other"), Ok(None));
    }

    #[test]
    fn nothing_is_routed_into_a_reserved_tenant() {
        let options = RouteOptions { tenant: Some(TenantId::self_tenant()), ..RouteOptions::default() };
        assert!(Router::new(&options).unwrap_err().message.contains("reserved"));
        assert!(Router::new(&RouteOptions::default()).unwrap_err().message.contains("exactly one"));
    }
}
