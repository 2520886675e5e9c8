import { useRef } from 'react';

/** Also what browsers call by no type. */
const pictures = 'image/*,.avif,.tif,.tiff,.heic,.heif,.hif';

interface FileButtonProps {
  readonly label: string;
  readonly className: string;
  /** `folder` takes all files of a folder, `camera` a phone's camera. One picture unless given. */
  readonly ask?: 'pictures' | 'folder' | 'camera';
  readonly disabled?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

/** A button that asks for files. The field itself stays out of sight, for its looks differ by browser. */
export function FileButton({ label, className, ask, disabled = false, onFiles }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className={className} disabled={disabled} onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple={ask === 'pictures' || ask === 'folder'}
        {...(ask === 'folder' ? { webkitdirectory: '' } : { accept: pictures })}
        {...(ask === 'camera' ? { capture: 'environment' as const } : {})}
        aria-label={label}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          // The same file chosen again is a change, too.
          currentTarget.value = '';
          if (files.length > 0) onFiles(files);
        }}
      />
    </>
  );
}
