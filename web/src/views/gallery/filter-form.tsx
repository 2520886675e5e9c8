import { useId, useState } from 'react';
import { useSearch as useQueryString } from 'wouter';
import { navigate } from '../../lib/navigate.js';
import { paths } from '../../lib/paths.js';
import { filterQueryString, noFilter, parseFilter, type FilterText } from './filter.js';

/** The address holds the filter: it can be shared, and going back to the gallery finds it. */
export function FilterForm() {
  const text = parseFilter(useQueryString());
  const set = (change: Partial<FilterText>): void => {
    const query = filterQueryString({ ...text, ...change });
    navigate(query === '' ? paths.gallery : `${paths.gallery}?${query}`, { replace: true });
  };
  const field = (name: keyof FilterText) => ({
    value: text[name],
    onChange: ({ currentTarget }: React.ChangeEvent<HTMLInputElement>) => {
      set({ [name]: currentTarget.value });
    },
  });
  const hint = useId();
  const [open, setOpen] = useState(false);
  const all = open || [text.from, text.to, text.key, text.value].some((each) => each !== '');
  const isOn = filterQueryString(text) !== '';
  const half = (text.key.trim() === '') !== (text.value.trim() === '');
  return (
    <form
      className={all ? 'filter filter--all' : 'filter'}
      role="search"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <label className="field filter__name">
        <span className="field__label">Name contains</span>
        <input type="search" autoComplete="off" spellCheck={false} {...field('name')} />
      </label>
      <button
        type="button"
        className="button filter__more"
        aria-expanded={all}
        onClick={() => {
          setOpen(!open);
        }}
      >
        More filters
      </button>
      <label className="field">
        <span className="field__label">Added from</span>
        <input type="date" max={text.to || undefined} {...field('from')} />
      </label>
      <label className="field">
        <span className="field__label">Added until</span>
        <input type="date" min={text.from || undefined} {...field('to')} />
      </label>
      <label className="field">
        <span className="field__label">Metadata field</span>
        <input type="text" autoComplete="off" spellCheck={false} autoCapitalize="off" {...field('key')} />
      </label>
      <label className="field">
        <span className="field__label">is</span>
        <input
          type="text"
          autoComplete="off"
          spellCheck={false}
          autoCapitalize="off"
          aria-describedby={half ? hint : undefined}
          {...field('value')}
        />
      </label>
      <button
        type="button"
        className="button filter__clear"
        disabled={!isOn}
        onClick={() => {
          set(noFilter);
        }}
      >
        Clear
      </button>
      {half ? (
        <p id={hint} className="filter__hint">
          Give both the field and its value, such as label and butterfly.
        </p>
      ) : null}
    </form>
  );
}
