//! `| line_format`, `| label_format`, `| drop` and `| keep`.

use super::labels::{Category, Work};
use super::names::{NameId, Names};
use super::stage_error;
use crate::EvalError;
use crate::template::{Env, Fields, Template, TemplateError};
use gantry_model::Matcher;
use gantry_query_lang::ast::{DropKeep, LabelFormat, LabelFormatValue};

const ERROR: &str = "TemplateFormatErr";

/// The labels of a line as a template sees them: with errors, save for a line template that is nothing but one field.
struct Labels<'w, 'r> {
    work: &'w Work<'r>,
    errors: bool,
}

impl Labels<'_, '_> {
    fn error(&self, name: &str) -> Option<&str> {
        let scratch = &self.work.scratch;
        let span = if name == "__error__" { scratch.error } else { scratch.details };
        span.filter(|_| self.errors).map(|span| self.work.text(span))
    }
}

impl Fields for Labels<'_, '_> {
    fn field(&self, name: &str) -> Option<&str> {
        if matches!(name, "__error__" | "__error_details__") {
            return self.error(name);
        }
        let work = self.work;
        let same = |id: &NameId| &*work.scratch.names.get(*id).text == name;
        if let Some(entry) = work.scratch.entries.iter().find(|entry| same(&entry.name)) {
            return Some(work.text(entry.value));
        }
        let (id, value) = work.stream.labels.iter().find(|(id, _)| same(id))?;
        (!work.scratch.deleted.contains(id)).then_some(value)
    }

    fn all(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let names = &self.work.scratch.names;
        self.work.each(|name, value| all.push((names.get(name).text.to_string(), value.to_string())));
        for name in ["__error__", "__error_details__"] {
            all.extend(self.error(name).map(|value| (name.to_string(), value.to_string())));
        }
        all.sort();
        all
    }
}

fn render(work: &Work<'_>, template: &Template, errors: bool, out: &mut String) -> Result<(), TemplateError> {
    let env = Env { labels: &Labels { work, errors }, line: work.line(), timestamp: work.timestamp, now: work.now };
    template.render(&env, out)
}

/// Compiles the template of a `line_format`.
pub(crate) fn line_template(text: &str) -> Result<Template, EvalError> {
    Template::parse("line", text).map_err(|error| stage_error(format!("invalid line template: {error}")))
}

pub(crate) fn line_format(work: &mut Work<'_>, template: &Template) {
    let mut out = std::mem::take(&mut work.scratch.buffer);
    out.clear();
    match render(work, template, !template.is_one_field(), &mut out) {
        Ok(()) => {
            std::mem::swap(&mut work.scratch.line, &mut out);
            work.own_line = true;
        }
        Err(error) => work.fail(ERROR, Some(&error.0)),
    }
    work.scratch.buffer = out;
}

/// One assignment of `label_format`, compiled.
#[derive(Clone, Debug)]
pub(crate) enum Assignment {
    Rename { to: NameId, from: NameId },
    Template { to: NameId, template: Box<Template> },
}

/// Compiles a `label_format`.
pub(crate) fn assignments(
    formats: &[LabelFormat],
    names: &mut Names,
    read: &mut Reads<'_>,
) -> Result<Vec<Assignment>, EvalError> {
    let mut all = Vec::with_capacity(formats.len());
    for format in formats {
        let to = names.intern(&format.label);
        all.push(match &format.value {
            LabelFormatValue::Rename(from) => {
                read.name(from);
                Assignment::Rename { to, from: names.intern(from) }
            }
            LabelFormatValue::Template(text) => {
                let template = Template::parse("label", text)
                    .map_err(|error| stage_error(format!("invalid template for label '{}': {error}", format.label)))?;
                read.template(&template);
                Assignment::Template { to, template: Box::new(template) }
            }
        });
    }
    Ok(all)
}

/// Which labels the stages of a pipeline read.
#[derive(Debug)]
pub(crate) struct Reads<'a> {
    pub names: &'a mut Vec<String>,
    /// They may read any.
    pub any: &'a mut bool,
}

impl Reads<'_> {
    fn name(&mut self, name: &str) {
        self.names.push(name.into());
    }

    pub fn template(&mut self, template: &Template) {
        match template.fields() {
            Some(fields) => self.names.extend(fields.iter().cloned()),
            None => *self.any = true,
        }
    }
}

pub(crate) fn label_format(work: &mut Work<'_>, assignments: &[Assignment]) {
    let mut rendered: Vec<(NameId, Result<String, TemplateError>)> = Vec::new();
    let mut at = 0;
    while let Some(assignment) = assignments.get(at) {
        match assignment {
            Assignment::Rename { to, from } => work.rename(*from, *to),
            Assignment::Template { .. } => {
                // Templates see the labels as they were before the first of them.
                rendered.clear();
                for later in &assignments[at..] {
                    if let Assignment::Template { to, template } = later {
                        let mut out = String::new();
                        let result = render(work, template, true, &mut out).map(|()| out);
                        rendered.push((*to, result));
                    }
                }
                break;
            }
        }
        at += 1;
    }
    let mut rendered = rendered.into_iter();
    for assignment in &assignments[at..] {
        match assignment {
            Assignment::Rename { to, from } => work.rename(*from, *to),
            Assignment::Template { .. } => match rendered.next() {
                Some((to, Ok(text))) => work.set(Category::Parsed, to, &text),
                Some((_, Err(error))) => work.fail(ERROR, Some(&error.0)),
                None => {}
            },
        }
    }
}

/// One entry of `drop` or `keep`, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    name: NameId,
    text: String,
    matcher: Option<Matcher>,
}

impl Selected {
    pub fn new(entry: &DropKeep, names: &mut Names) -> Self {
        match entry {
            DropKeep::Name(name) => Selected { name: names.intern(name), text: name.clone(), matcher: None },
            DropKeep::Matcher(matcher) => {
                let text = matcher.name.clone();
                Selected { name: names.intern(&text), text, matcher: Some(matcher.clone()) }
            }
        }
    }

    fn matches(&self, value: &str) -> bool {
        self.matcher.as_ref().is_none_or(|matcher| matcher.matches_value(value))
    }
}

pub(crate) fn drop_labels(work: &mut Work<'_>, entries: &[Selected]) {
    for entry in entries {
        if !entry.matches(work.value(entry.name, &entry.text)) {
            continue;
        }
        match &*entry.text {
            "__error__" => (work.scratch.error, work.scratch.details) = (None, None),
            "__error_details__" => work.scratch.details = None,
            _ => work.delete(entry.name),
        }
    }
}

/// Errors are always kept.
pub(crate) fn keep_labels(work: &mut Work<'_>, entries: &[Selected]) {
    let mut gone = Vec::new();
    work.each(|name, value| {
        if !entries.iter().any(|entry| entry.name == name && entry.matches(value)) {
            gone.push(name);
        }
    });
    for name in gone {
        work.delete(name);
    }
}
