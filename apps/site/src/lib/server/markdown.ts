/** Markdown of result blocks as HTML. HTML inside it stays text, and links go only to http, https and mailto. */
import MarkdownIt from 'markdown-it'

const markdown = new MarkdownIt('commonmark', { html: false }).enable('table').disable('image')

export const renderMarkdown = (text: string): string => markdown.render(text)
