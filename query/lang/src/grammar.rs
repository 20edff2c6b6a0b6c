//! The grammar of LogQL: its productions, each with what it makes, and the strength of its operators.
//!
//! Symbols are named by words: a token by its name in messages, everything else in `CamelCase`. Productions avoid empty
//! right sides where a list of expected tokens would suffer.

mod filter;
mod log;
mod metric;
mod range;

use crate::ParseError;
use crate::lex::NAMES;
use crate::lr::{Builder, Precedence, Production, Tables};
use crate::value::{Parts, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Makes a value of the symbols of a production.
pub type Make = fn(&mut Parts<'_>) -> Result<Value, ParseError>;
/// A nonterminal and one of the ways to build it.
type Rule = (&'static str, &'static str, Make);

/// Everything that the parser needs.
#[derive(Debug)]
pub struct Grammar {
    pub tables: Tables,
    productions: Vec<Production>,
    makes: Vec<Make>,
    /// Whether a production builds an expression out of expressions.
    nests: Vec<bool>,
}

/// Operators from weak to strong.
const OPERATORS: &[(&[&str], bool)] = &[
    (&["or"], false),
    (&["and", "unless"], false),
    (&["==", "!=", "<", "<=", ">", ">="], false),
    (&["+", "-"], false),
    (&["*", "/", "%"], false),
    (&["^"], true),
];

/// Nonterminals whose values are trees of any depth.
const TREES: &[&str] = &["Expr", "Metric", "Filter", "LogRange", "Log"];

/// The tables depend on nothing but the grammar: computed once, at first use.
static GRAMMAR: LazyLock<Grammar> = LazyLock::new(Grammar::build);

impl Grammar {
    pub fn get() -> &'static Grammar {
        &GRAMMAR
    }

    pub fn lhs(&self, production: usize) -> usize {
        self.productions[production].lhs
    }

    pub fn len_of(&self, production: usize) -> usize {
        self.productions[production].rhs.len()
    }

    pub fn nests(&self, production: usize) -> bool {
        self.nests[production]
    }

    pub fn make(&self, production: usize, parts: &mut Parts<'_>) -> Result<Value, ParseError> {
        self.makes[production](parts)
    }

    fn build() -> Grammar {
        let rules: Vec<&Rule> =
            [log::RULES, filter::RULES, range::RULES, metric::RULES].into_iter().flatten().collect();
        let mut symbols: HashMap<&str, usize> = NAMES.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let first = rules.iter().position(|rule| rule.0 == "Start").expect("the grammar has a start");
        for (lhs, _, _) in &rules {
            let next = symbols.len();
            symbols.entry(lhs).or_insert(next);
        }
        let start_first = [first].into_iter().chain((0..rules.len()).filter(|at| *at != first));
        let rules: Vec<&Rule> = start_first.map(|at| rules[at]).collect();
        let symbol = |word: &str| *symbols.get(word).unwrap_or_else(|| panic!("the grammar has no symbol {word}"));
        let production = |rule: &&Rule| Production {
            lhs: symbol(rule.0),
            rhs: rule.1.split(' ').filter(|w| !w.is_empty()).map(symbol).collect(),
        };
        let productions: Vec<Production> = rules.iter().map(production).collect();
        let precedence = precedence(&symbols);
        let tables = Builder::new(&productions, NAMES.len(), &precedence).build();
        let nests = rules.iter().map(|rule| nests(rule)).collect();
        Grammar { tables, productions, makes: rules.iter().map(|rule| rule.2).collect(), nests }
    }
}

fn nests(rule: &Rule) -> bool {
    let words: Vec<&str> = rule.1.split(' ').collect();
    words.len() > 1 && TREES.contains(&rule.0) && words.iter().any(|word| TREES.contains(word))
        || rule.0 == "VectorAggregation"
        || rule.0 == "LabelReplace"
}

fn precedence(symbols: &HashMap<&str, usize>) -> HashMap<usize, Precedence> {
    let levels = OPERATORS.iter().enumerate().flat_map(|(level, (names, to_the_right))| {
        names.iter().map(move |name| (symbols[name], Precedence { level: level as u8, to_the_right: *to_the_right }))
    });
    levels.collect()
}
