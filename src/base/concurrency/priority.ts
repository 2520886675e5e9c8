/** A person waits for a query; an import can wait. Whatever has a queue serves queries first. */
export type Priority = 'query' | 'bulk';
