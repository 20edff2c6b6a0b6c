//! `gantry rules show`, `apply` and `delete`: rule groups that the server stores for a tenant, in namespaces.

use super::{ReadArgs, SpokenArgs};
use crate::cli::client::Client;
use crate::cli::{Failure, ServerArgs};
use anyhow::{anyhow, bail};
use clap::Args;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use std::path::PathBuf;

#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Only this namespace
    #[arg(value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only this group
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    spoken: SpokenArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Clone, Debug)]
pub struct ApplyArgs {
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    spoken: SpokenArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    /// Only this group; without it the whole namespace
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    spoken: SpokenArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn show(args: ShowArgs) -> Result<(), Failure> {
    let path = path(&args.spoken, args.namespace.iter().chain(&args.group))?;
    let answer = Client::new(&args.server)?.request(Method::GET, &path, &[], HeaderMap::new()).await?;
    put!("{}", answer.text().await.map_err(|error| anyhow!("the answer ended early: {error}"))?);
    Ok(())
}

pub async fn apply(args: ApplyArgs) -> Result<(), Failure> {
    // All are read and checked before the first is stored.
    let mut groups = Vec::new();
    for file in &args.files {
        let read = ReadArgs::default().rules_of(file, &|expr| args.spoken.check(expr));
        groups.extend(read.map_err(|problems| anyhow!("{}", problems.join("\n")))?.groups);
    }
    let (client, path) = (Client::new(&args.server)?, path(&args.spoken, [&args.namespace])?);
    for group in groups {
        client.post_text(&path, &[], group.to_yaml()).await?;
        say!("{}/{}: stored, rules: {}", args.namespace, group.name, group.rules.len());
    }
    Ok(())
}

pub async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let path = path(&args.spoken, [&args.namespace].into_iter().chain(&args.group))?;
    Client::new(&args.server)?.request(Method::DELETE, &path, &[], HeaderMap::new()).await?;
    let group = args.group.map_or_else(String::new, |group| format!("/{group}"));
    say!("{}{group} is removed", args.namespace);
    Ok(())
}

/// Names may hold what a path may not.
fn path<'a>(spoken: &SpokenArgs, names: impl IntoIterator<Item = &'a String>) -> anyhow::Result<String> {
    let mut url = Url::parse("http://server")?;
    url.set_path(if spoken.logql { "/loki/api/v1/rules" } else { "/config/v1/rules" });
    for name in names {
        if name.is_empty() || name == "." || name == ".." {
            bail!("{name:?} is no name of a namespace or a group");
        }
        url.path_segments_mut().map_err(|()| anyhow!("no path"))?.push(name);
    }
    Ok(url.path().to_owned())
}
