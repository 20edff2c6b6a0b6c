//! Runs a template.

use crate::functions::{self, Core, Function};
use crate::parse::{Branch, Expr, Node, Pipe};
use crate::value::Value;
use crate::{Host, TMPL, Template, TemplateError, span, time};

/// A rendered text may grow to this many bytes.
pub const MAX_OUTPUT: usize = 4 << 20;
const MAX_STEPS: usize = 1 << 20;
const MAX_CALLS: usize = 30;

pub(crate) fn run(template: &Template, host: &dyn Host, root: Value, out: &mut String) -> Result<(), TemplateError> {
    let variables = vec![("$", root.clone())];
    let mut exec = Exec { template, host, out, variables, steps: 0, calls: 0 };
    exec.nodes(&template.nodes, &root).map(drop)
}

struct Exec<'a> {
    template: &'a Template,
    host: &'a dyn Host,
    out: &'a mut String,
    variables: Vec<(&'a str, Value)>,
    steps: usize,
    calls: usize,
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

type Run<T> = Result<T, TemplateError>;

/// An error with this text.
pub fn fail<T>(message: impl Into<String>) -> Result<T, TemplateError> {
    Err(TemplateError(message.into()))
}

impl<'a> Exec<'a> {
    fn nodes(&mut self, nodes: &'a [Node], dot: &Value) -> Run<Flow> {
        let scope = self.variables.len();
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS || self.out.len() > MAX_OUTPUT {
                return fail(format!("template: {}: the template does too much", self.template.name));
            }
            let flow = self.node(node, dot)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        self.variables.truncate(scope);
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'a Node, dot: &Value) -> Run<Flow> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Field(name) => match dot {
                Value::Root => self.out.push_str(self.host.field(name).unwrap_or("")),
                other => self.out.push_str(&self.field(other, name)?.print()),
            },
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.out.push_str(&self.printed(&value));
                }
            }
            Node::If(branch) => {
                let scope = self.variables.len();
                let yes = self.pipe(&branch.pipe, dot)?.truthy();
                let flow = self.nodes(if yes { &branch.then } else { &branch.otherwise }, dot)?;
                self.variables.truncate(scope);
                return Ok(flow);
            }
            Node::With(branch) => {
                let scope = self.variables.len();
                let value = self.pipe(&branch.pipe, dot)?;
                let flow = match value.truthy() {
                    true => self.nodes(&branch.then, &value)?,
                    false => self.nodes(&branch.otherwise, dot)?,
                };
                self.variables.truncate(scope);
                return Ok(flow);
            }
            Node::Range(branch) => return self.range(branch, dot),
            Node::Call(name, pipe) => self.call(name, pipe.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn printed(&self, value: &Value) -> String {
        match value {
            Value::Root => self.texts().print(),
            other => other.print(),
        }
    }

    fn texts(&self) -> Value {
        Value::Texts(self.host.all().into_iter().collect())
    }

    fn call(&mut self, name: &str, pipe: Option<&'a Pipe>, dot: &Value) -> Run<()> {
        let dot = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        self.call_with(name, dot)
    }

    fn call_with(&mut self, name: &str, dot: Value) -> Run<()> {
        let Some(nodes) = self.template.defined.get(name) else {
            return fail(format!("template {name:?} not defined"));
        };
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return fail("exceeded maximum template depth");
        }
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.nodes(nodes, &dot)?;
        self.variables = outer;
        self.calls -= 1;
        Ok(())
    }

    fn range(&mut self, branch: &'a Branch, dot: &Value) -> Run<Flow> {
        let scope = self.variables.len();
        let over = match self.commands(&branch.pipe, dot)? {
            Value::Root => self.texts(),
            other => other,
        };
        let items: Vec<(Value, Value)> = match over {
            Value::List(items) => items.into_iter().enumerate().map(|(n, v)| (Value::Int(n as i64), v)).collect(),
            Value::Map(map) => map.into_iter().map(|(k, v)| (Value::Text(k), v)).collect(),
            Value::Texts(map) => map.into_iter().map(|(k, v)| (Value::Text(k), Value::Text(v))).collect(),
            Value::Int(n) => (0..n.clamp(0, MAX_STEPS as i64)).map(|n| (Value::Int(n), Value::Int(n))).collect(),
            Value::Nil => Vec::new(),
            other => return fail(format!("range can't iterate over {}", other.print())),
        };
        if items.is_empty() {
            return self.nodes(&branch.otherwise, dot);
        }
        for (key, value) in items {
            match &branch.pipe.variables[..] {
                [] => {}
                [one] => self.bind(one, value.clone(), branch.pipe.assign),
                [first, second, ..] => {
                    self.bind(first, key, branch.pipe.assign);
                    self.bind(second, value.clone(), branch.pipe.assign);
                }
            }
            let flow = self.nodes(&branch.then, &value)?;
            self.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn bind(&mut self, name: &'a str, value: Value, assign: bool) {
        if assign {
            if let Some(variable) = self.variables.iter_mut().rev().find(|(n, _)| *n == name) {
                variable.1 = value;
            }
        } else {
            self.variables.push((name, value));
        }
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Value) -> Run<Value> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.variables {
            self.bind(name, value.clone(), pipe.assign);
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &'a Pipe, dot: &Value) -> Run<Value> {
        let mut value = None;
        for command in &pipe.commands {
            self.steps += 1;
            value = Some(self.command(command, dot, value.take())?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    /// Runs one command; `last` is the value that comes through the pipe.
    fn command(&mut self, command: &'a [Expr], dot: &Value, last: Option<Value>) -> Run<Value> {
        let Some((head, rest)) = command.split_first() else { return Ok(Value::Nil) };
        if let Expr::Function(function) = head {
            if let Function::Core(core @ (Core::And | Core::Or)) = function {
                return self.short_circuit(*core, rest, dot, last);
            }
            let mut arguments = Vec::with_capacity(rest.len() + 1);
            for expr in rest {
                arguments.push(self.expr(expr, dot)?);
            }
            arguments.extend(last);
            return self.function(*function, arguments);
        }
        if let (Expr::Fields(of, names), true) = (head, !rest.is_empty() || last.is_some()) {
            let mut arguments = Vec::new();
            for expr in rest {
                arguments.push(self.expr(expr, dot)?);
            }
            arguments.extend(last);
            return self.method(of, names, dot, arguments);
        }
        if !rest.is_empty() || last.is_some() {
            return fail("can't give argument to non-function");
        }
        self.expr(head, dot)
    }

    fn method(&mut self, of: &'a Expr, names: &[String], dot: &Value, arguments: Vec<Value>) -> Run<Value> {
        let mut value = self.expr(of, dot)?;
        let Some((last, path)) = names.split_last() else { return Ok(value) };
        for name in path {
            value = self.field(&value, name)?;
        }
        match &value {
            Value::Time(time) => time::method(time, last, &arguments),
            Value::Duration(nanos) => span::method(*nanos, last, &arguments),
            other => self
                .host
                .method(other, last, &arguments)
                .unwrap_or_else(|| fail(format!("{last} is not a method but has arguments"))),
        }
    }

    fn short_circuit(&mut self, f: Core, rest: &'a [Expr], dot: &Value, last: Option<Value>) -> Run<Value> {
        let mut value = Value::Nil;
        for expr in rest {
            value = self.expr(expr, dot)?;
            if value.truthy() == (f == Core::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn function(&mut self, function: Function, mut arguments: Vec<Value>) -> Run<Value> {
        for argument in &mut arguments {
            if *argument == Value::Root {
                *argument = self.texts();
            }
        }
        match function {
            Function::Core(core) => functions::call(core, arguments),
            Function::Host(TMPL) => self.included(arguments),
            Function::Host(number) => self.host.call(number, arguments),
        }
    }

    /// A template by a name that is computed, as a text.
    fn included(&mut self, mut arguments: Vec<Value>) -> Run<Value> {
        let (Some(dot), Some(Value::Text(name)), true) = (arguments.pop(), arguments.pop(), arguments.is_empty())
        else {
            return fail("wrong args for tmpl: want the name of a template and its data");
        };
        let Some((name, _)) = self.template.defined.get_key_value(&name) else {
            return fail(format!("template {name:?} not defined"));
        };
        let before = self.out.len();
        self.call_with(name, dot)?;
        Ok(Value::Text(self.out.split_off(before)))
    }

    fn expr(&mut self, expr: &'a Expr, dot: &Value) -> Run<Value> {
        match expr {
            Expr::Dot => Ok(dot.clone()),
            Expr::Constant(value) => Ok(value.clone()),
            Expr::Variable(name) => {
                let found = self.variables.iter().rev().find(|(n, _)| n == name);
                Ok(found.map_or(Value::Nil, |(_, value)| value.clone()))
            }
            Expr::Function(_) => self.command(std::slice::from_ref(expr), dot, None),
            Expr::Pipe(pipe) => self.pipe(pipe, dot),
            Expr::Fields(of, names) => {
                let mut value = self.expr(of, dot)?;
                for name in names {
                    value = self.field(&value, name)?;
                }
                Ok(value)
            }
        }
    }

    fn field(&self, value: &Value, name: &str) -> Run<Value> {
        match value {
            Value::Root => Ok(Value::Text(self.host.field(name).unwrap_or("").to_string())),
            Value::Texts(map) if map.contains_key(name) => Ok(Value::Text(map[name].clone())),
            Value::Map(map) if map.contains_key(name) => Ok(map[name].clone()),
            Value::Time(time) => time::method(time, name, &[]),
            Value::Duration(nanos) => span::method(*nanos, name, &[]),
            Value::Nil => fail(format!("nil data; no entry for key {name:?}")),
            other => match (self.host.method(other, name, &[]), other) {
                (Some(found), _) => found,
                (None, Value::Texts(_)) => Ok(Value::Text(String::new())),
                (None, Value::Map(_)) => Ok(Value::Nil),
                (None, _) => fail(format!("can't evaluate field {name} in type {}", other.type_name())),
            },
        }
    }
}
