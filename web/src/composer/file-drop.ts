import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** The files of a drop or a paste, and the number of folders in it. Folders can't be uploaded. */
export interface FileTransfer {
  files: File[];
  folders: number;
}

export function filesIn(transfer: DataTransfer | null): FileTransfer {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return {
    files: files.filter((file) => file !== null),
    folders: items.filter(isFolder).length,
  };
}

function isFolder(item: DataTransferItem): boolean {
  return item.webkitGetAsEntry()?.isDirectory === true;
}

/** Accepts files dropped anywhere on the page. Otherwise, the browser would open them. */
export class FileDrop implements ReactiveController {
  /** Whether files are being dragged over the page. */
  isDraggedOver = false;
  #depth = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly ondrop: (transfer: FileTransfer) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('dragenter', this.#handleDragEnter);
    addEventListener('dragover', this.#handleDragOver);
    addEventListener('dragleave', this.#handleDragLeave);
    addEventListener('drop', this.#handleDrop);
  }

  hostDisconnected(): void {
    removeEventListener('dragenter', this.#handleDragEnter);
    removeEventListener('dragover', this.#handleDragOver);
    removeEventListener('dragleave', this.#handleDragLeave);
    removeEventListener('drop', this.#handleDrop);
  }

  readonly #handleDragEnter = (event: DragEvent): void => {
    if (hasFiles(event)) this.#setDepth(this.#depth + 1);
  };

  readonly #handleDragOver = (event: DragEvent): void => {
    if (hasFiles(event)) event.preventDefault();
  };

  readonly #handleDragLeave = (event: DragEvent): void => {
    if (hasFiles(event)) this.#setDepth(this.#depth - 1);
  };

  readonly #handleDrop = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#setDepth(0);
    this.ondrop(filesIn(event.dataTransfer));
  };

  /** Every element fires enter and leave events. Files are over the page while more were entered than left. */
  #setDepth(depth: number): void {
    this.#depth = Math.max(0, depth);
    if (this.isDraggedOver === this.#depth > 0) return;
    this.isDraggedOver = this.#depth > 0;
    this.host.requestUpdate();
  }
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') === true;
}
