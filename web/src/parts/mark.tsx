/** Two circles, nearly one. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <circle cx="12" cy="16" r="9" fill="none" stroke="currentColor" strokeWidth="2.5" />
      <circle cx="20" cy="16" r="9.5" fill="currentColor" fillOpacity="0.85" />
    </svg>
  );
}
