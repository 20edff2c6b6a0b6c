//! LALR(1) tables from a grammar, with yacc's habits: default reductions, shift where precedence does not decide, and
//! so the same states (and lists of expected tokens) when a query is wrong.
//!
//! It knows nothing of LogQL. Terminals are the numbers below `terminals`, the rest are nonterminals; terminal 0 is the
//! end of input. Production 0 must be `start: expression`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One way to build `lhs`.
#[derive(Clone, Debug)]
pub struct Production {
    pub lhs: usize,
    pub rhs: Vec<usize>,
}

/// Binding strength of an operator; larger binds tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precedence {
    pub level: u8,
    pub to_the_right: bool,
}

/// What to do in a state when a terminal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Shift(usize),
    Reduce(usize),
    Accept,
    Error,
}

/// The automaton. States are numbers from 0.
#[derive(Debug)]
pub struct Tables {
    states: Vec<Row>,
}

#[derive(Debug, Default)]
struct Row {
    actions: BTreeMap<usize, Action>,
    default: Option<usize>,
    gotos: HashMap<usize, usize>,
}

/// A production with a mark before `rhs[dot]`.
type Item = (usize, usize);
/// Terminals as bits.
type Lookahead = u128;

/// Messages name at most this many expected tokens, or none.
const MOST_EXPECTED: usize = 4;

impl Tables {
    pub fn action(&self, state: usize, terminal: usize) -> Action {
        let row = &self.states[state];
        let fallback = || row.default.map_or(Action::Error, Action::Reduce);
        row.actions.get(&terminal).copied().unwrap_or_else(fallback)
    }

    pub fn goto(&self, state: usize, nonterminal: usize) -> usize {
        self.states[state].gotos[&nonterminal]
    }

    /// What an error message lists as expected in this state: nothing when there are too many.
    pub fn expected(&self, state: usize) -> Vec<usize> {
        let row = &self.states[state];
        let of_kind = |shift: bool| {
            let wanted =
                move |a: &Action| if shift { matches!(a, Action::Shift(_)) } else { matches!(a, Action::Reduce(_)) };
            row.actions.iter().filter(move |(t, a)| **t > 0 && wanted(a)).map(|(t, _)| *t)
        };
        let all: Vec<usize> = of_kind(true).chain(of_kind(false)).collect();
        if all.len() > MOST_EXPECTED || row.default.is_some() { Vec::new() } else { all }
    }
}

/// Builds the tables of a grammar.
#[derive(Debug)]
pub struct Builder<'g> {
    productions: &'g [Production],
    terminals: usize,
    /// By terminal.
    precedence: &'g HashMap<usize, Precedence>,
    first: Vec<Lookahead>,
    by_lhs: HashMap<usize, Vec<usize>>,
}

/// A state while it is built: its kernel with lookaheads, and where symbols lead.
#[derive(Debug)]
struct State {
    kernel: BTreeMap<Item, Lookahead>,
    gotos: BTreeMap<usize, usize>,
}

impl<'g> Builder<'g> {
    pub fn new(productions: &'g [Production], terminals: usize, precedence: &'g HashMap<usize, Precedence>) -> Self {
        assert!(terminals < Lookahead::BITS as usize, "lookaheads are kept as bits");
        let mut by_lhs: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, production) in productions.iter().enumerate() {
            by_lhs.entry(production.lhs).or_default().push(at);
        }
        let mut builder = Builder { productions, terminals, precedence, first: Vec::new(), by_lhs };
        builder.first = builder.first_sets();
        builder
    }

    pub fn build(&self) -> Tables {
        let mut states = self.kernels();
        self.spread_lookaheads(&mut states);
        Tables { states: states.iter().map(|state| self.row(state)).collect() }
    }

    /// Terminals that a symbol can begin with. The highest bit marks a symbol that can be empty.
    fn first_sets(&self) -> Vec<Lookahead> {
        let symbols = self.productions.iter().flat_map(|p| p.rhs.iter().chain([&p.lhs])).max().map_or(0, |m| m + 1);
        let mut first: Vec<Lookahead> = (0..symbols).map(|s| if s < self.terminals { 1 << s } else { 0 }).collect();
        loop {
            let before = first.clone();
            for production in self.productions {
                first[production.lhs] |= sequence_first(&first, &production.rhs, EMPTY);
            }
            if before == first {
                return first;
            }
        }
    }

    /// All items of a state: the kernel and what its nonterminals can begin with.
    fn closure(&self, kernel: &BTreeMap<Item, Lookahead>) -> BTreeMap<Item, Lookahead> {
        let mut items = kernel.clone();
        let mut work: Vec<Item> = kernel.keys().copied().collect();
        while let Some((production, dot)) = work.pop() {
            let rhs = &self.productions[production].rhs;
            let lookahead = items[&(production, dot)];
            let Some(starts) = rhs.get(dot).and_then(|symbol| self.by_lhs.get(symbol)) else { continue };
            let follow = sequence_first(&self.first, &rhs[dot + 1..], lookahead);
            for start in starts {
                let known = items.contains_key(&(*start, 0));
                let entry = items.entry((*start, 0)).or_insert(0);
                if !known || *entry | follow != *entry {
                    *entry |= follow;
                    work.push((*start, 0));
                }
            }
        }
        items
    }

    /// The LR(0) states, without lookaheads.
    fn kernels(&self) -> Vec<State> {
        let start = BTreeMap::from([((0, 0), 1)]);
        let mut numbers: HashMap<BTreeSet<Item>, usize> = HashMap::from([(start.keys().copied().collect(), 0)]);
        let mut states = vec![State { kernel: start, gotos: BTreeMap::new() }];
        let mut at = 0;
        while at < states.len() {
            let mut moves: BTreeMap<usize, BTreeSet<Item>> = BTreeMap::new();
            for (production, dot) in self.closure(&states[at].kernel).into_keys() {
                if let Some(symbol) = self.productions[production].rhs.get(dot) {
                    moves.entry(*symbol).or_default().insert((production, dot + 1));
                }
            }
            for (symbol, kernel) in moves {
                let next = *numbers.entry(kernel.clone()).or_insert_with(|| {
                    let kernel = kernel.into_iter().map(|item| (item, 0)).collect();
                    states.push(State { kernel, gotos: BTreeMap::new() });
                    states.len() - 1
                });
                states[at].gotos.insert(symbol, next);
            }
            at += 1;
        }
        states
    }

    fn spread_lookaheads(&self, states: &mut [State]) {
        let mut work: Vec<usize> = (0..states.len()).rev().collect();
        while let Some(at) = work.pop() {
            for ((production, dot), lookahead) in self.closure(&states[at].kernel) {
                let Some(symbol) = self.productions[production].rhs.get(dot) else { continue };
                let next = states[at].gotos[symbol];
                let known = states[next].kernel.entry((production, dot + 1)).or_insert(0);
                if *known | lookahead != *known {
                    *known |= lookahead;
                    work.push(next);
                }
            }
        }
    }

    fn row(&self, state: &State) -> Row {
        let mut row = Row::default();
        for (symbol, next) in &state.gotos {
            if *symbol < self.terminals {
                row.actions.insert(*symbol, Action::Shift(*next));
            } else {
                row.gotos.insert(*symbol, *next);
            }
        }
        for ((production, dot), lookahead) in self.closure(&state.kernel) {
            if dot == self.productions[production].rhs.len() {
                self.add_reductions(&mut row, production, lookahead);
            }
        }
        self.choose_default(&mut row);
        row
    }

    fn add_reductions(&self, row: &mut Row, production: usize, lookahead: Lookahead) {
        for terminal in (0..self.terminals).filter(|t| lookahead & (1 << t) != 0) {
            let action = match row.actions.get(&terminal) {
                _ if production == 0 => Action::Accept,
                None => Action::Reduce(production),
                Some(Action::Shift(_)) if self.reduces_first(production, terminal) => Action::Reduce(production),
                Some(Action::Reduce(earlier)) => Action::Reduce(production.min(*earlier)),
                Some(other) => *other,
            };
            row.actions.insert(terminal, action);
        }
    }

    fn reduces_first(&self, production: usize, terminal: usize) -> bool {
        let last = self.productions[production].rhs.iter().rev().find(|s| **s < self.terminals);
        let rule = last.and_then(|terminal| self.precedence.get(terminal));
        match (rule, self.precedence.get(&terminal)) {
            (Some(rule), Some(next)) if rule.level == next.level => !next.to_the_right,
            (Some(rule), Some(next)) => rule.level > next.level,
            _ => false,
        }
    }

    /// The most frequent reduction is done for every terminal that has no action of its own.
    fn choose_default(&self, row: &mut Row) {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for action in row.actions.values() {
            if let Action::Reduce(production) = action {
                *counts.entry(*production).or_default() += 1;
            }
        }
        let most = counts.values().max().copied();
        let first = row.actions.values().find_map(|action| match action {
            Action::Reduce(production) if counts.get(production).copied() == most => Some(*production),
            _ => None,
        });
        row.default = first;
        row.actions.retain(|_, action| Some(*action) != first.map(Action::Reduce));
    }
}

const EMPTY: Lookahead = 1 << (Lookahead::BITS - 1);

/// What a sequence of symbols can begin with, given what follows it.
fn sequence_first(first: &[Lookahead], symbols: &[usize], follow: Lookahead) -> Lookahead {
    let mut set = 0;
    for symbol in symbols {
        set |= first[*symbol] & !EMPTY;
        if first[*symbol] & EMPTY == 0 {
            return set;
        }
    }
    set | follow
}
