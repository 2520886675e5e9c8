import { Component, type ErrorInfo, type ReactNode } from 'react';

interface ErrorBoundaryState {
  readonly failed: boolean;
}

interface ErrorBoundaryProps {
  /** Another one tries again, as another view does. */
  readonly resetKey?: string;
  readonly children: ReactNode;
}

/** Where drawing a part of the page fails, only that part is lost. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { failed: false };

  static getDerivedStateFromError(): ErrorBoundaryState {
    return { failed: true };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override componentDidUpdate({ resetKey }: ErrorBoundaryProps): void {
    if (this.state.failed && resetKey !== this.props.resetKey) this.setState({ failed: false });
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="note note--error" role="alert">
        <p className="note__title">This part of the page could not be shown</p>
        <p>Reload the page. If the server was just updated or stopped, that is why: check that it is running.</p>
        <div className="note__actions">
          <button
            type="button"
            className="button"
            onClick={() => {
              window.location.reload();
            }}
          >
            Reload
          </button>
        </div>
      </div>
    );
  }
}
