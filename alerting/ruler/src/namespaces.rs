//! Groups that clients stored, by tenant, language and namespace, in the [`MetaStore`].
//!
//! A key is `rules/TENANT/LANGUAGE/` and the namespace as hex; its value is the namespace's rule file as YAML.

use crate::{Engines, Language};
use gantry_alerting::{RuleFile, RuleGroup};
use gantry_meta::{Compare, Expect, MetaError, MetaStore, Op, TxnOutcome};
use gantry_model::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;

const PREFIX: &str = "rules/";
/// Longest name of a namespace, in bytes.
const MOST_NAME: usize = 1000;
/// Most groups of a namespace.
const MOST_GROUPS: usize = 10_000;
/// How often a change is tried again that met another one.
const ATTEMPTS: usize = 10;

/// Why groups were not stored, or not found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreRulesError {
    /// The client's fault.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    #[error("the rules could not be stored or read")]
    Meta(#[from] MetaError),
    #[error("others change the same namespace; try again")]
    Busy,
}

/// What clients stored.
#[derive(Clone)]
pub struct Namespaces {
    meta: Arc<dyn MetaStore>,
    engines: Arc<dyn Engines>,
}

impl std::fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespaces").finish_non_exhaustive()
    }
}

/// A namespace of a tenant, in one language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub tenant: TenantId,
    pub language: Language,
    pub namespace: String,
}

impl Place {
    fn key(&self) -> String {
        let hex: String = self.namespace.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}{hex}", prefix(&self.tenant, self.language))
    }

    fn of_key(key: &str) -> Option<Place> {
        let mut parts = key.strip_prefix(PREFIX)?.split('/');
        let tenant = TenantId::new(parts.next()?).ok()?;
        let language = parts.next()?;
        let language = Language::ALL.into_iter().find(|one| one.as_str() == language)?;
        let hex = parts.next()?;
        let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Place { tenant, language, namespace: String::from_utf8(bytes).ok()? })
    }
}

fn prefix(tenant: &TenantId, language: Language) -> String {
    format!("{PREFIX}{tenant}/{language}/")
}

impl Namespaces {
    pub fn new(meta: Arc<dyn MetaStore>, engines: Arc<dyn Engines>) -> Self {
        Namespaces { meta, engines }
    }

    /// All groups of a tenant by namespace.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(
        &self,
        tenant: &TenantId,
        language: Language,
    ) -> Result<BTreeMap<String, RuleFile>, StoreRulesError> {
        let entries = self.meta.range(&prefix(tenant, language)).await?;
        Ok(entries
            .iter()
            .filter_map(|entry| Some((Place::of_key(&entry.key)?.namespace, read(&entry.value)?)))
            .collect())
    }

    /// Stores a group in a namespace, in place of one of its name.
    ///
    /// # Errors
    /// When something is wrong with the group, or it could not be stored.
    pub async fn put(
        &self,
        tenant: &TenantId,
        language: Language,
        namespace: &str,
        group: RuleGroup,
    ) -> Result<(), StoreRulesError> {
        if namespace.is_empty() || namespace.len() > MOST_NAME {
            let text = format!("the name of a namespace has 1 to {MOST_NAME} bytes");
            return Err(StoreRulesError::Invalid(text));
        }
        let alone = RuleFile { groups: vec![group.clone()] };
        let problems = alone.problems_by(&|expr| self.engines.check(language, expr));
        if !problems.is_empty() {
            let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(StoreRulesError::Invalid(text.join("\n")));
        }
        self.change(tenant, language, namespace, |file| {
            match file.groups.iter().position(|other| other.name == group.name) {
                Some(at) => file.groups[at] = group.clone(),
                None if file.groups.len() >= MOST_GROUPS => {
                    return Err(StoreRulesError::Invalid(format!("a namespace has at most {MOST_GROUPS} groups")));
                }
                None => file.groups.push(group.clone()),
            }
            Ok(())
        })
        .await
    }

    /// Removes a group, or all of the namespace.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn remove(
        &self,
        tenant: &TenantId,
        language: Language,
        namespace: &str,
        group: Option<&str>,
    ) -> Result<(), StoreRulesError> {
        self.change(tenant, language, namespace, |file| {
            let before = file.groups.len();
            file.groups.retain(|other| group.is_some_and(|group| other.name != group));
            if file.groups.len() == before {
                return Err(StoreRulesError::NotFound(match group {
                    Some(group) => format!("there is no group {group:?} in the namespace {namespace:?}"),
                    None => format!("there is no namespace {namespace:?}"),
                }));
            }
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        tenant: &TenantId,
        language: Language,
        namespace: &str,
        apply: impl Fn(&mut RuleFile) -> Result<(), StoreRulesError>,
    ) -> Result<(), StoreRulesError> {
        let key = Place { tenant: tenant.clone(), language, namespace: namespace.to_owned() }.key();
        for _ in 0..ATTEMPTS {
            let entry = self.meta.get(&key).await?;
            let mut file = entry.as_ref().and_then(|entry| read(&entry.value)).unwrap_or_default();
            apply(&mut file)?;
            let op = if file.groups.is_empty() { Op::delete(&key) } else { Op::put(&key, file.to_yaml().into_bytes()) };
            let expected = entry.map_or(Expect::Absent, |entry| Expect::Version(entry.version));
            if let TxnOutcome::Committed { .. } =
                self.meta.txn(vec![Compare { key: key.clone(), expect: expected }], vec![op]).await?
            {
                return Ok(());
            }
        }
        Err(StoreRulesError::Busy)
    }

    /// Everything of every tenant.
    pub(crate) async fn all(&self) -> Result<Vec<(Place, RuleFile)>, MetaError> {
        let entries = self.meta.range(PREFIX).await?;
        Ok(entries.iter().filter_map(|entry| Some((Place::of_key(&entry.key)?, read(&entry.value)?))).collect())
    }

    /// Tells when something changes.
    pub(crate) fn watch(&self) -> gantry_meta::Watch {
        self.meta.watch(PREFIX)
    }
}

/// `None`: not what was written here.
fn read(value: &[u8]) -> Option<RuleFile> {
    RuleFile::parse(std::str::from_utf8(value).ok()?).ok()
}
