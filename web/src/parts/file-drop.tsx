import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

/** What the window does with files that are dropped anywhere on it, or pasted. */
export interface FileDropTarget {
  /** Shown over the page while files hover: "Drop to …". */
  readonly label: string;
  readonly onFiles: (files: readonly File[]) => void;
  /** Instead of onFiles for what is dropped, where folders matter. Called synchronously: the data is empty later. */
  readonly onDrop?: (data: DataTransfer) => void;
}

interface Registry {
  add(target: { readonly current: FileDropTarget }): () => void;
}

const RegistryContext = createContext<Registry>({ add: () => () => undefined });

/** Takes dropped and pasted files until the component goes; what registered last comes first. */
export function useFileDrop(target: FileDropTarget): void {
  const registry = useContext(RegistryContext);
  const current = useRef(target);
  useEffect(() => {
    current.current = target;
  });
  useEffect(() => registry.add(current), [registry]);
}

/** Files may be dropped and pasted anywhere: missing a target would make the browser leave the page for the file. */
export function FileDrop({ children }: { readonly children: ReactNode }) {
  const [label, setLabel] = useState<string>();
  const targets = useRef<(readonly [symbol, { readonly current: FileDropTarget }])[]>([]);
  const registry = useMemo<Registry>(
    () => ({
      add: (target) => {
        const key = Symbol('target');
        targets.current.push([key, target]);
        return () => {
          targets.current = targets.current.filter(([each]) => each !== key);
        };
      },
    }),
    [],
  );
  useEffect(() => {
    const target = (): FileDropTarget | undefined => targets.current.at(-1)?.[1].current;
    const over = (event: DragEvent): void => {
      if (!holdsFiles(event.dataTransfer)) return;
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'copy';
      setLabel(target()?.label);
    };
    const leave = (event: DragEvent): void => {
      // Leaving an element for another one within the window has a relatedTarget.
      if (event.relatedTarget === null) setLabel(undefined);
    };
    const drop = (event: DragEvent): void => {
      setLabel(undefined);
      const { dataTransfer } = event;
      if (dataTransfer === null || !holdsFiles(dataTransfer)) return;
      event.preventDefault();
      const taker = target();
      if (taker?.onDrop !== undefined) taker.onDrop(dataTransfer);
      else if (dataTransfer.files.length > 0) taker?.onFiles([...dataTransfer.files]);
    };
    const paste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      target()?.onFiles(files);
    };
    window.addEventListener('dragenter', over);
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    window.addEventListener('paste', paste);
    return () => {
      window.removeEventListener('dragenter', over);
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
      window.removeEventListener('paste', paste);
    };
  }, []);
  return (
    <RegistryContext.Provider value={registry}>
      {children}
      {label === undefined ? null : (
        <div className="drop-veil">
          <p>{label}</p>
        </div>
      )}
    </RegistryContext.Provider>
  );
}

function holdsFiles(data: DataTransfer | null): boolean {
  return data?.types.includes('Files') === true;
}
