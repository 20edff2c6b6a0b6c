//! Which labels a template reads.

use crate::parse::{Branch, Expr, Node, Pipe};

/// Names of all labels that the nodes may read; `None` when they may read any, as `{{ range . }}` does. Fields of what
/// `with` and `range` walk are listed too, which does no harm.
pub(crate) fn read_by(nodes: &[Node]) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    read_nodes(nodes, true, &mut fields)?;
    fields.sort();
    fields.dedup();
    Some(fields)
}

/// `top`: the dot is the labels.
fn read_nodes(nodes: &[Node], top: bool, fields: &mut Vec<String>) -> Option<()> {
    for node in nodes {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => {}
            Node::Field(name) => fields.push(name.clone()),
            Node::Action(pipe) => read_pipe(pipe, top, fields)?,
            Node::If(branch) => read_branch(branch, top, top, fields)?,
            Node::With(branch) | Node::Range(branch) => read_branch(branch, top, false, fields)?,
            Node::Call(..) => return None,
        }
    }
    Some(())
}

fn read_branch(branch: &Branch, top: bool, inside: bool, fields: &mut Vec<String>) -> Option<()> {
    read_pipe(&branch.pipe, top, fields)?;
    read_nodes(&branch.then, inside, fields)?;
    read_nodes(&branch.otherwise, top, fields)
}

fn read_pipe(pipe: &Pipe, top: bool, fields: &mut Vec<String>) -> Option<()> {
    pipe.commands.iter().flatten().try_for_each(|expr| read_expr(expr, top, fields))
}

fn read_expr(expr: &Expr, top: bool, fields: &mut Vec<String>) -> Option<()> {
    match expr {
        Expr::Dot => (!top).then_some(()),
        Expr::Variable(name) => (name != "$").then_some(()),
        Expr::Constant(_) | Expr::Function(_) => Some(()),
        Expr::Pipe(pipe) => read_pipe(pipe, top, fields),
        Expr::Fields(of, names) => match &**of {
            Expr::Dot => {
                fields.extend(names.first().cloned());
                Some(())
            }
            Expr::Variable(name) if name == "$" => {
                fields.extend(names.first().cloned());
                Some(())
            }
            other => read_expr(other, top, fields),
        },
    }
}
