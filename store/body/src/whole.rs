//! Lines kept whole, in columns of about a frame each.
//!
//! Where lines have little in common, those that are kept whole are the largest column of a block, and nearly every search
//! has to look through them. In one frame they would all be read for a single line, and the pairs of bytes in them would
//! rule out nothing. So they become several templates with the same text, each with the lines of neighbouring rows.

use crate::column::Column;
use crate::line::RAW;
use crate::rows::Rows;
use crate::strings::Texts;
use crate::template::Template;

/// Lines of one column, and the number of each in it.
#[derive(Debug)]
struct Part {
    texts: Texts,
    ids: Vec<u32>,
}

impl Rows {
    /// Cuts the column of lines that are kept whole where it has `most` bytes of distinct lines. After this no row can be added.
    pub fn split_whole(&mut self, most: usize) {
        let Some(raw) = self.templates.iter().position(Template::is_raw) else { return };
        let column = self.templates[raw].first_column;
        let Column::Strings { texts, ids } = &self.columns[column] else { return };
        if texts.bytes.len() <= most {
            return;
        }
        let parts = cut(texts, ids, most);
        let ends: Vec<usize> = parts.iter().map(|part| part.ids.len()).collect();
        let first = self.templates.len() as u32;
        let mut columns = parts.into_iter().map(|Part { texts, ids }| Column::Strings { texts, ids });
        self.columns[column] = columns.next().unwrap_or_default();
        for column in columns {
            self.templates.push(Template::new(&[RAW], self.columns.len()));
            self.columns.push(column);
        }
        // The first part keeps its number.
        let numbers = std::iter::once(raw as u32).chain(first..);
        let mut of_rows = numbers.zip(ends).flat_map(|(number, rows)| std::iter::repeat_n(number, rows));
        for template in self.rows.iter_mut().filter(|template| **template == raw as u32) {
            *template = of_rows.next().unwrap_or(raw as u32);
        }
    }
}

fn cut(texts: &Texts, ids: &[u32], most: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    // Of each text: the last part that has it, and its number there.
    let mut known = vec![(usize::MAX, 0u32); texts.len()];
    for id in ids {
        if parts.last().is_none_or(|part| part.texts.bytes.len() >= most) {
            parts.push(Part { texts: Texts::default(), ids: Vec::new() });
        }
        let number = parts.len() - 1;
        let part = &mut parts[number];
        let (of, at) = &mut known[*id as usize];
        if *of != number {
            part.texts.push(texts.get(*id as usize));
            (*of, *at) = (number, part.texts.len() as u32 - 1);
        }
        part.ids.push(*at);
    }
    parts
}

#[cfg(test)]
mod tests {
    use crate::encode::encode;
    use crate::rows::Rows;
    use crate::{Block, BlockMover, RowSet, TemplateMap};
    use memchr::memmem;

    fn lines() -> Vec<String> {
        (0..50)
            .map(|at| if at % 3 == 0 { "steady".to_owned() } else { format!("line {} of x{}", at / 7, at) })
            .collect()
    }

    fn rows() -> Rows {
        let mut rows = Rows::default();
        for line in lines() {
            match rows.template(b"steady").filter(|_| line == "steady") {
                Some(template) => rows.rows.push(template),
                None => rows.push_raw(line.as_bytes()),
            }
        }
        rows
    }

    fn check(block: &Block) {
        let lines = lines();
        let text = block.decode(0..block.len()).unwrap();
        assert_eq!(text.bytes, lines.concat().into_bytes());
        for literal in ["steady", "ead", "x1", "of", "nothing"] {
            let found: Vec<usize> = block.find(literal.as_bytes(), &RowSet::all(lines.len())).unwrap().iter().collect();
            let holds = |line: &String| memmem::find(line.as_bytes(), literal.as_bytes()).is_some();
            assert_eq!(found, (0..lines.len()).filter(|at| holds(&lines[*at])).collect::<Vec<_>>(), "{literal}");
        }
    }

    #[test]
    fn lines_come_back_from_several_columns() {
        for (most, parts) in [(20, 2..30), (100, 2..8), (1 << 20, 1..2)] {
            let mut rows = rows();
            rows.split_whole(most);
            assert!(parts.contains(&rows.templates.iter().filter(|template| template.is_raw()).count()), "{most}");
            check(&Block::open(encode(&rows, 1).unwrap()).unwrap());
            check(&Block::from_rows(rows));
        }
    }

    #[test]
    fn moved_lines_keep_their_order() {
        let mut rows = rows();
        rows.split_whole(20);
        let block = Block::open(encode(&rows, 1).unwrap()).unwrap();
        let (mut mover, mut map) = (BlockMover::new(), TemplateMap::default());
        mover.append_rows(&block, 0..17, &mut map).unwrap();
        mover.append_rows(&block, 17..50, &mut map).unwrap();
        check(&Block::open(mover.finish(1).unwrap().0).unwrap());
    }
}
