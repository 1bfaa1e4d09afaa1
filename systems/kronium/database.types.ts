// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      notebooks: {
        Row: {
          author_id: string
          created_at: string
          id: string
          title: string
        }
        Insert: {
          author_id?: string
          created_at?: string
          id?: string
          title: string
        }
        Update: {
          author_id?: string
          created_at?: string
          id?: string
          title?: string
        }
        Relationships: []
      }
      notes: {
        Row: {
          author_id: string
          body: string
          created_at: string
          id: string
          notebook_id: string | null
        }
        Insert: {
          author_id?: string
          body: string
          created_at?: string
          id?: string
          notebook_id?: string | null
        }
        Update: {
          author_id?: string
          body?: string
          created_at?: string
          id?: string
          notebook_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'notes_author_id_notebook_id_fkey'
            columns: ['author_id', 'notebook_id']
            isOneToOne: false
            referencedRelation: 'notebooks'
            referencedColumns: ['author_id', 'id']
          },
        ]
      }
    }
    Views: { [_ in never]: never }
    Functions: { [_ in never]: never }
    Enums: { [_ in never]: never }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
