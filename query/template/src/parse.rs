//! Tokens to a tree.

use crate::functions::{Core, Function};
use crate::lex::{Located, Token, lex};
use crate::value::Value;
use crate::{Named, Template, TemplateError};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(String),
    /// `{{.name}}`, by far the most frequent action.
    Field(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Call(String, Option<Pipe>),
    Break,
    Continue,
}

#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub pipe: Pipe,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// `$a, $b := command | command`.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub variables: Vec<String>,
    pub assign: bool,
    pub commands: Vec<Vec<Expr>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Dot,
    Constant(Value),
    Variable(String),
    Function(Function),
    Pipe(Box<Pipe>),
    /// `expr.a.b`; of the dot itself for `.a.b`.
    Fields(Box<Expr>, Vec<String>),
}

/// Templates nested deeper than this are refused, so that rendering cannot exhaust the stack.
const MAX_DEPTH: usize = 60;

pub(crate) fn parse(name: &str, text: &str, named: Named, defined: Defined) -> Result<Template, TemplateError> {
    let tokens = lex(name, text)?;
    let variables = vec!["$".into()];
    let mut parser = Parser { name, tokens, at: 0, variables, functions: named, defined, depth: 0, loops: 0 };
    let (nodes, end) = parser.nodes()?;
    if let Some(end) = end {
        return parser.fail(&format!("unexpected {{{{{end}}}}}"));
    }
    let fields = crate::fields::read_by(&nodes).filter(|_| parser.defined.is_empty());
    Ok(Template { name: name.into(), nodes, defined: parser.defined, fields })
}

/// Templates by name.
pub(crate) type Defined = BTreeMap<String, Arc<[Node]>>;

struct Parser<'a> {
    name: &'a str,
    tokens: Vec<Located>,
    at: usize,
    variables: Vec<String>,
    functions: Named,
    defined: Defined,
    depth: usize,
    loops: usize,
}

type Parsed<T> = Result<T, TemplateError>;

impl Parser<'_> {
    fn line(&self) -> usize {
        self.tokens.get(self.at.min(self.tokens.len().saturating_sub(1))).map_or(1, |(_, line)| *line)
    }

    fn fail<T>(&self, message: &str) -> Parsed<T> {
        Err(TemplateError(format!("template: {}:{}: {message}", self.name, self.line())))
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|(token, _)| token.clone());
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn skip_blank(&mut self) {
        if self.peek() == Some(&Token::Blank) {
            self.at += 1;
        }
    }

    /// Nodes up to `{{end}}`, `{{else}}` or the end of the text, and which of the words ended them. After `else` the
    /// tokens of what follows it are still to be read.
    fn nodes(&mut self) -> Parsed<(Vec<Node>, Option<&'static str>)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        let (mut nodes, scope) = (Vec::new(), self.variables.len());
        let end = loop {
            match self.next() {
                None => break None,
                Some(Token::Text(text)) => nodes.push(Node::Text(text)),
                Some(_) => {
                    self.skip_blank();
                    let keyword = match self.peek() {
                        Some(Token::Word(word)) => word.clone(),
                        _ => String::new(),
                    };
                    if keyword == "end" {
                        self.at += 1;
                        self.close("end")?;
                        break Some("end");
                    }
                    if keyword == "else" {
                        self.at += 1;
                        break Some("else");
                    }
                    self.action(&keyword, &mut nodes)?;
                }
            }
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn action(&mut self, keyword: &str, nodes: &mut Vec<Node>) -> Parsed<()> {
        let node = match keyword {
            "if" => Node::If(self.branch("if")?),
            "with" => Node::With(self.branch("with")?),
            "range" => {
                self.loops += 1;
                let branch = self.branch("range")?;
                self.loops -= 1;
                Node::Range(branch)
            }
            "break" | "continue" => {
                self.at += 1;
                if self.loops == 0 {
                    return self.fail(&format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
                }
                self.close(keyword)?;
                if keyword == "break" { Node::Break } else { Node::Continue }
            }
            "define" => return self.define(),
            "template" | "block" => self.call(keyword == "block")?,
            _ => {
                let pipe = self.pipe("command", &Token::Close)?;
                self.at += 1;
                simple_field(&pipe).map_or_else(|| Node::Action(pipe.clone()), Node::Field)
            }
        };
        nodes.push(node);
        Ok(())
    }

    fn close(&mut self, context: &str) -> Parsed<()> {
        self.skip_blank();
        match self.next() {
            Some(Token::Close) => Ok(()),
            other => {
                self.at -= 1;
                self.fail(&format!("unexpected {} in {context}", shown(other.as_ref())))
            }
        }
    }

    fn branch(&mut self, context: &str) -> Parsed<Branch> {
        self.at += 1;
        let scope = self.variables.len();
        let pipe = self.pipe(context, &Token::Close)?;
        self.at += 1;
        let (then, end) = self.nodes()?;
        let otherwise = match end {
            None => return self.fail("unexpected EOF"),
            Some("else") => self.otherwise(context)?,
            Some(_) => Vec::new(),
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    /// What follows `else`: the rest of an `else if`, or a list of its own.
    fn otherwise(&mut self, context: &str) -> Parsed<Vec<Node>> {
        self.skip_blank();
        if let Some(Token::Word(word)) = self.peek().cloned()
            && (word == "if" && context == "if" || word == "with" && context == "with")
        {
            let branch = self.branch(context)?;
            return Ok(vec![if word == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.close("else")?;
        match self.nodes()? {
            (nodes, Some("end")) => Ok(nodes),
            (_, Some(_)) => self.fail("expected end; found {{else}}"),
            (_, None) => self.fail("unexpected EOF"),
        }
    }

    fn label(&mut self, context: &str) -> Parsed<String> {
        self.at += 1;
        self.skip_blank();
        match self.next() {
            Some(Token::Quoted(name)) => Ok(name),
            other => self.fail(&format!("unexpected {} in {context} clause", shown(other.as_ref()))),
        }
    }

    fn define(&mut self) -> Parsed<()> {
        let name = self.label("define")?;
        self.close("define")?;
        let (nodes, end) = self.nodes()?;
        if end != Some("end") {
            return self.fail("unexpected EOF");
        }
        self.defined.insert(name, nodes.into());
        Ok(())
    }

    fn call(&mut self, block: bool) -> Parsed<Node> {
        let name = self.label("template")?;
        self.skip_blank();
        let pipe = match self.peek() {
            Some(Token::Close) => None,
            _ => Some(self.pipe("template clause", &Token::Close)?),
        };
        self.at += 1;
        if block {
            let (nodes, end) = self.nodes()?;
            if end != Some("end") {
                return self.fail("unexpected EOF");
            }
            self.defined.entry(name.clone()).or_insert_with(|| nodes.into());
        }
        Ok(Node::Call(name, pipe))
    }

    /// Everything up to `end`, which stays.
    fn pipe(&mut self, context: &str, end: &Token) -> Parsed<Pipe> {
        self.skip_blank();
        let (variables, assign) = self.declaration(context)?;
        let mut commands = Vec::new();
        loop {
            self.skip_blank();
            let command = self.command(context, end)?;
            let last = self.peek() == Some(end);
            if command.is_empty() {
                let missing = last && commands.is_empty();
                return self.fail(&if missing {
                    format!("missing value for {context}")
                } else {
                    "empty command".into()
                });
            }
            if !commands.is_empty() && matches!(command[0], Expr::Constant(_) | Expr::Dot) {
                let stage = commands.len() + 1;
                return self.fail(&format!("non executable command in pipeline stage {stage}"));
            }
            commands.push(command);
            if last {
                self.variables.extend(variables.iter().filter(|_| !assign).cloned());
                return Ok(Pipe { variables, assign, commands });
            }
            self.at += 1;
        }
    }

    /// `$a :=`, `$a, $b :=` or `$a =` at the start of a pipeline.
    fn declaration(&mut self, context: &str) -> Parsed<(Vec<String>, bool)> {
        let mut ahead = self.at;
        let mut variables = Vec::new();
        let token = |at: usize| self.tokens.get(at).map(|(token, _)| token);
        while let Some(Token::Variable(name)) = token(ahead) {
            variables.push(name.clone());
            ahead += 1;
            ahead += usize::from(token(ahead) == Some(&Token::Blank));
            match token(ahead) {
                Some(Token::Comma) if context == "range" && variables.len() < 2 => {
                    ahead += 1;
                    ahead += usize::from(token(ahead) == Some(&Token::Blank));
                }
                Some(Token::Declare) => {
                    self.at = ahead + 1;
                    return Ok((variables, false));
                }
                Some(Token::Assign) => {
                    self.at = ahead + 1;
                    return match variables.iter().find(|v| !self.variables.contains(v)) {
                        Some(unknown) => self.fail(&format!("undefined variable {unknown:?}")),
                        None => Ok((variables, true)),
                    };
                }
                _ => break,
            }
        }
        Ok((Vec::new(), false))
    }

    /// Operands up to a pipe sign or `end`.
    fn command(&mut self, context: &str, end: &Token) -> Parsed<Vec<Expr>> {
        let mut operands = Vec::new();
        loop {
            self.skip_blank();
            match self.peek() {
                Some(Token::Pipe) => return Ok(operands),
                Some(token) if token == end => return Ok(operands),
                None => return self.fail("unclosed action"),
                _ => {}
            }
            let Some(operand) = self.operand()? else {
                let context = if operands.is_empty() { context } else { "operand" };
                return self.fail(&format!("unexpected {} in {context}", shown(self.peek())));
            };
            operands.push(operand);
            match self.peek() {
                Some(Token::Blank | Token::Pipe | Token::Close | Token::Right) => {}
                other => return self.fail(&format!("unexpected {} in operand", shown(other))),
            }
        }
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let expr = match self.peek().cloned() {
            Some(Token::Dot) => Expr::Dot,
            Some(Token::Field(_)) => return Ok(Some(self.fields(Expr::Dot))),
            Some(Token::Integer(n)) => Expr::Constant(Value::Int(n)),
            Some(Token::Float(f)) => Expr::Constant(Value::Float(f)),
            Some(Token::Quoted(text)) => Expr::Constant(Value::Text(text)),
            Some(Token::Variable(name)) => {
                if !self.variables.contains(&name) {
                    return self.fail(&format!("undefined variable {name:?}"));
                }
                Expr::Variable(name)
            }
            Some(Token::Word(word)) => self.word(&word)?,
            Some(Token::Left) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return self.fail("nested too deeply");
                }
                self.at += 1;
                let pipe = self.pipe("parenthesized pipeline", &Token::Right)?;
                self.depth -= 1;
                Expr::Pipe(Box::new(pipe))
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(self.fields(expr)))
    }

    fn word(&self, word: &str) -> Parsed<Expr> {
        match word {
            "true" | "false" => Ok(Expr::Constant(Value::Bool(word == "true"))),
            "nil" => Ok(Expr::Constant(Value::Nil)),
            "if" | "with" | "range" | "define" | "template" | "block" | "end" | "else" | "break" | "continue" => {
                self.fail(&format!("unexpected <{word}> in operand"))
            }
            _ => match (self.functions)(word).map(Function::Host).or(Core::named(word).map(Function::Core)) {
                Some(function) => Ok(Expr::Function(function)),
                None => self.fail(&format!("function {word:?} not defined")),
            },
        }
    }

    fn fields(&mut self, expr: Expr) -> Expr {
        let mut names = Vec::new();
        while let Some(Token::Field(name)) = self.peek() {
            names.push(name.clone());
            self.at += 1;
        }
        if names.is_empty() { expr } else { Expr::Fields(Box::new(expr), names) }
    }
}

fn simple_field(pipe: &Pipe) -> Option<String> {
    let ([], [command]) = (&pipe.variables[..], &pipe.commands[..]) else { return None };
    match &command[..] {
        [Expr::Fields(of, names)] if matches!(**of, Expr::Dot) && names.len() == 1 => Some(names[0].clone()),
        _ => None,
    }
}

/// A token as errors name it.
fn shown(token: Option<&Token>) -> String {
    match token {
        None => "EOF".into(),
        Some(Token::Text(text)) | Some(Token::Quoted(text)) => format!("{text:?}"),
        Some(Token::Open) => "\"{{\"".into(),
        Some(Token::Close) => "\"}}\"".into(),
        Some(Token::Word(word)) => format!("<{word}>"),
        Some(Token::Field(name)) => format!("<.{name}>"),
        Some(Token::Variable(name)) => format!("{name:?}"),
        Some(Token::Dot) => "<.>".into(),
        Some(Token::Integer(n)) => format!("{:?}", n.to_string()),
        Some(Token::Float(f)) => format!("{:?}", f.to_string()),
        Some(Token::Pipe) => "\"|\"".into(),
        Some(Token::Declare) => "\":=\"".into(),
        Some(Token::Assign) => "\"=\"".into(),
        Some(Token::Comma) => "\",\"".into(),
        Some(Token::Left) => "\"(\"".into(),
        Some(Token::Right) => "\")\"".into(),
        Some(Token::Blank) => "\" \"".into(),
    }
}
